//! Formulas over the numbers of a graph, written as formulas.

use std::cell::RefCell;
use std::ops::{Add, Div, Mul, Sub};

use super::graph::Graph;
use super::num::{Condition, Num};

/// Where formulas are worked out: a graph, and the numbers and conditions so far.
pub(super) struct Sheet {
    graph: RefCell<Graph>,
    numbers: RefCell<Vec<Num>>,
    conditions: RefCell<Vec<Condition>>,
}

/// A number on a sheet.
#[derive(Clone, Copy)]
pub(super) struct N<'s>(&'s Sheet, usize);

/// A truth value on a sheet.
#[derive(Clone, Copy)]
pub(super) struct Truth<'s>(&'s Sheet, usize);

impl Sheet {
    /// What `write` gives, which adds its formulas to `graph`.
    pub(super) fn with<T>(graph: &mut Graph, write: impl FnOnce(&Self) -> T) -> T {
        let sheet = Self {
            graph: RefCell::new(std::mem::take(graph)),
            numbers: RefCell::default(),
            conditions: RefCell::default(),
        };
        let result = write(&sheet);
        *graph = sheet.graph.into_inner();
        result
    }

    pub(super) fn number(&self, number: impl Into<Num>) -> N<'_> {
        let mut numbers = self.numbers.borrow_mut();
        numbers.push(number.into());
        N(self, numbers.len() - 1)
    }

    /// Constants, one for each of several candidates, on an axis before that of images.
    pub(super) fn candidates(&self, values: &[f64]) -> N<'_> {
        let constants = self.graph.borrow_mut().doubles(&[values.len(), 1], values);
        self.number(Num::Later(constants))
    }

    fn truth(&self, condition: Condition) -> Truth<'_> {
        let mut conditions = self.conditions.borrow_mut();
        conditions.push(condition);
        Truth(self, conditions.len() - 1)
    }

    fn of(&self, number: N<'_>) -> Num {
        self.numbers
            .borrow()
            .get(number.1)
            .cloned()
            .unwrap_or(Num::Known(f64::NAN))
    }
}

impl<'s> N<'s> {
    pub(super) fn num(self) -> Num {
        self.0.of(self)
    }

    fn one(self, op: fn(&mut Graph, &Num) -> Num) -> Self {
        let number = op(&mut self.0.graph.borrow_mut(), &self.num());
        self.0.number(number)
    }

    fn two(self, other: Self, op: fn(&mut Graph, &Num, &Num) -> Num) -> Self {
        let number = op(&mut self.0.graph.borrow_mut(), &self.num(), &other.num());
        self.0.number(number)
    }

    /// Rounded down; of what is not negative the whole part.
    pub(super) fn floor(self) -> Self {
        self.one(Graph::floor)
    }

    pub(super) fn ceil(self) -> Self {
        self.one(Graph::ceil)
    }

    /// Halves to even.
    pub(super) fn round(self) -> Self {
        self.one(Graph::round)
    }

    pub(super) fn sqrt(self) -> Self {
        self.one(Graph::sqrt)
    }

    pub(super) fn abs(self) -> Self {
        self.one(Graph::abs)
    }

    pub(super) fn min(self, other: impl Operand<'s>) -> Self {
        self.two(other.on(self.0), Graph::min)
    }

    pub(super) fn max(self, other: impl Operand<'s>) -> Self {
        self.two(other.on(self.0), Graph::max)
    }

    /// The largest of the candidates.
    pub(super) fn largest(self) -> Self {
        self.one(Graph::largest_of_first_axis)
    }

    /// The entry that this is the index of.
    pub(super) fn entry(self, entries: &[f64]) -> Self {
        let entry = self.0.graph.borrow_mut().constant_at(entries, &self.num());
        self.0.number(entry)
    }

    /// Whether it is less than the other one.
    pub(super) fn below(self, other: impl Operand<'s>) -> Truth<'s> {
        let condition = self
            .0
            .graph
            .borrow_mut()
            .less(&self.num(), &other.on(self.0).num());
        self.0.truth(condition)
    }
}

impl<'s> Truth<'s> {
    pub(super) fn condition(self) -> Condition {
        let conditions = self.0.conditions.borrow();
        conditions.get(self.1).cloned().unwrap_or(Condition::Known(false))
    }

    /// `then` where it holds, else `otherwise`.
    pub(super) fn pick(self, then: N<'s>, otherwise: N<'s>) -> N<'s> {
        let number = self
            .0
            .graph
            .borrow_mut()
            .select(&self.condition(), &then.num(), &otherwise.num());
        self.0.number(number)
    }

    pub(super) fn and(self, other: Self) -> Self {
        let condition = self
            .0
            .graph
            .borrow_mut()
            .and(&self.condition(), &other.condition());
        self.0.truth(condition)
    }

    pub(super) fn or(self, other: Self) -> Self {
        let condition = self
            .0
            .graph
            .borrow_mut()
            .or(&self.condition(), &other.condition());
        self.0.truth(condition)
    }
}

/// The other side of an operation: a number of the sheet, or a constant.
pub(super) trait Operand<'s> {
    fn on(self, sheet: &'s Sheet) -> N<'s>;
}

impl<'s> Operand<'s> for N<'s> {
    fn on(self, _: &'s Sheet) -> N<'s> {
        self
    }
}

impl<'s> Operand<'s> for Num {
    fn on(self, sheet: &'s Sheet) -> N<'s> {
        sheet.number(self)
    }
}

impl<'s> Operand<'s> for f64 {
    fn on(self, sheet: &'s Sheet) -> N<'s> {
        sheet.number(self)
    }
}

impl<'s> Operand<'s> for usize {
    fn on(self, sheet: &'s Sheet) -> N<'s> {
        sheet.number(self)
    }
}

macro_rules! operators {
    ($($trait:ident $method:ident $op:ident;)+) => {
        $(impl<'s, T: Operand<'s>> $trait<T> for N<'s> {
            type Output = N<'s>;

            fn $method(self, other: T) -> N<'s> {
                self.two(other.on(self.0), Graph::$op)
            }
        })+
    };
}

operators! {
    Add add add;
    Sub sub sub;
    Mul mul mul;
    Div div div;
}
