//! Checkpoints by name: the pretrained models of timm, torchvision and open_clip, from tables that
//! `tests/goldens/make_names.py` writes.

use crate::named::named_enum;
use crate::nearest::nearest;
use crate::steps::Step;
use crate::{Error, ErrorKind, Import, ImportOptions, Notation, Result, import_with};

named_enum! {
    /// A library that names its pretrained models.
    pub enum Library("library") {
        /// `timm:NAME.TAG`; `timm:NAME` is the model with its default tag.
        Timm = "timm",
        /// `torchvision:ENUM.MEMBER`, such as `ResNet50_Weights.IMAGENET1K_V2`: its `transforms()` of a PIL image;
        /// for a model of videos, of a uint8 tensor of one frame.
        Torchvision = "torchvision",
        /// `open_clip:MODEL/TAG`; `open_clip:MODEL` where all tags of the model are fed alike.
        OpenClip = "open_clip",
    }
}

impl Library {
    const fn table(self) -> &'static str {
        match self {
            Self::Timm => include_str!("../../models/names/timm.txt"),
            Self::Torchvision => include_str!("../../models/names/torchvision.txt"),
            Self::OpenClip => include_str!("../../models/names/open_clip.txt"),
        }
    }

    /// (config, names).
    fn rows(self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let mut lines = self.table().lines().filter(|line| !line.starts_with('#'));
        std::iter::from_fn(move || Some((lines.next()?, lines.next()?)))
    }

    /// Every name that the table holds, without the library.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        self.rows().flat_map(|(_, names)| names.split(' '))
    }
}

/// A pretrained model of a library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Whose it is.
    pub library: Library,
    /// What its library calls it.
    pub name: &'static str,
    config: &'static str,
}

impl Checkpoint {
    /// The pipeline that its library feeds it with, with what else is asked for: see [`import_with`].
    ///
    /// # Errors
    /// When the resampler does not have the filter, or the pipeline cannot have the size.
    pub fn import_with(&self, options: &ImportOptions<'_>) -> Result<Import> {
        let mut import = import_with(self.config, Notation::Json, options)
            .map_err(|error| error.within(format_args!("{}:{}", self.library, self.name)))?;
        import.pipeline.description = Some(format!("{}:{}", self.library, self.name));
        if import
            .pipeline
            .steps
            .iter()
            .any(|step| matches!(step, Step::Resize(resize) if resize.differs_on_one_thread()))
        {
            import.notes.push(
                "an image is a video of one frame: the output is [N, 3, 1, height, width]; on one thread torch rounds \
                 positions otherwise, and values may then differ by 1 before the normalisation"
                    .to_owned(),
            );
        }
        Ok(import)
    }
}

/// The checkpoint of a name such as `timm:resnet50.a1_in1k`; `None` for a name without such a library before it.
///
/// # Errors
/// On a name that the library's table has not, with those that it may be a slip of.
///
/// ```
/// use prep_onnx_pipeline::checkpoint;
///
/// let found = checkpoint("torchvision:ResNet50_Weights.IMAGENET1K_V2").unwrap()?;
/// assert_eq!(found.import_with(&Default::default())?.pipeline.steps.len(), 4);
/// assert!(checkpoint("clip").is_none());
/// # Ok::<(), prep_onnx_pipeline::Error>(())
/// ```
pub fn checkpoint(name: &str) -> Option<Result<Checkpoint>> {
    let (library, name) = name.split_once(':')?;
    let library = Library::ALL
        .iter()
        .copied()
        .find(|known| known.name() == library)?;
    Some(find(library, name))
}

fn find(library: Library, wanted: &str) -> Result<Checkpoint> {
    let named = |config, name| Checkpoint {
        library,
        name,
        config,
    };
    for (config, names) in library.rows() {
        if let Some(name) = names.split(' ').find(|name| *name == wanted) {
            return Ok(named(config, name));
        }
    }
    let error =
        |what: &str| Error::new(format_args!("{library}:{wanted}"), what).with_kind(ErrorKind::Config);
    // A model of open_clip without a tag.
    let tagged = |name: &&str| {
        library == Library::OpenClip && name.split_once('/').is_some_and(|(model, _)| model == wanted)
    };
    let mut of_model = library
        .rows()
        .filter_map(|(config, names)| Some(named(config, names.split(' ').find(tagged)?)));
    match (of_model.next(), of_model.next()) {
        (Some(one), None) => return Ok(one),
        (Some(_), Some(_)) => {
            let tags: Vec<_> = library.names().filter(tagged).collect();
            return Err(error("is fed in several ways, by its tag")
                .fix(format_args!("name one of {}", tags.join(", "))));
        }
        (None, _) => {}
    }
    let error = error("is not known").why(match library {
        Library::Timm => "the table has the pretrained models of the timm that it was made from",
        Library::Torchvision => "the table has the weights of the torchvision that it was made from",
        Library::OpenClip => "the table has the pretrained models of the open_clip that it was made from",
    });
    let mut near = nearest(wanted, library.names());
    if near.is_empty() {
        // The name of a model without that of its weights.
        let begins = |name: &&str| name.to_lowercase().starts_with(&wanted.to_lowercase());
        near = library.names().filter(begins).take(3).collect();
    }
    Err(match near.first() {
        Some(_) => error.fix(format_args!("did you mean {}?", near.join(", "))),
        None => error.fix("give the file of its preprocessing instead"),
    })
}
