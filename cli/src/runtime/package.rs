//! The pinned ONNX Runtime: the one place for its version and its digests.

/// The version that is installed when none is found.
///
/// The newest that both package registries have, so that one version means one behaviour. Any
/// version from 1.17 on works, when it is installed already.
pub const VERSION: &str = "1.30.0";

/// The digest of `onnxruntime-node` of [`VERSION`], one archive for all platforms.
pub(super) const NPM_SHA256: &str = "6e3390d6b783e7be946fad629292799da28d0b42f84856e50d2c1b0383291e75";

/// What the packages of [`VERSION`] hold for one platform.
#[derive(Debug)]
pub(super) struct Package {
    os: &'static str,
    arch: &'static str,
    /// The wheel's platform tag.
    pub(super) wheel_platform: &'static str,
    /// The wheel's digest.
    pub(super) wheel_sha256: &'static str,
    /// The library inside the wheel.
    pub(super) wheel_member: &'static str,
    /// The library inside the npm archive.
    pub(super) npm_member: &'static str,
}

const PACKAGES: &[Package] = &[
    Package {
        os: "linux",
        arch: "x86_64",
        wheel_platform: "manylinux_2_28_x86_64",
        wheel_sha256: "fa688e7891a6aa206636fe7372e27ee75fd17713289f6b4fc7b190e0a7de9328",
        wheel_member: "onnxruntime/capi/libonnxruntime.so.1.30.0",
        npm_member: "package/bin/napi-v6/linux/x64/libonnxruntime.so.1",
    },
    Package {
        os: "linux",
        arch: "aarch64",
        wheel_platform: "manylinux_2_28_aarch64",
        wheel_sha256: "6c32a000d5139a38ba9349030b0032e3331acb559d596b22738d9d2b343a2b83",
        wheel_member: "onnxruntime/capi/libonnxruntime.so.1.30.0",
        npm_member: "package/bin/napi-v6/linux/arm64/libonnxruntime.so.1",
    },
    Package {
        os: "macos",
        arch: "aarch64",
        wheel_platform: "macosx_14_0_arm64",
        wheel_sha256: "001ed726c9bd5e2bc92faade7d37d889e9606a350b7d5529f0227df2e3bb57fd",
        wheel_member: "onnxruntime/capi/libonnxruntime.1.30.0.dylib",
        npm_member: "package/bin/napi-v6/darwin/arm64/libonnxruntime.1.30.0.dylib",
    },
    Package {
        os: "windows",
        arch: "x86_64",
        wheel_platform: "win_amd64",
        wheel_sha256: "f3501472571f1b1eee50e017851e7929f5ea37312d2d8c2494a19e8fc58b4a38",
        wheel_member: "onnxruntime/capi/onnxruntime.dll",
        npm_member: "package/bin/napi-v6/win32/x64/onnxruntime.dll",
    },
    Package {
        os: "windows",
        arch: "aarch64",
        wheel_platform: "win_arm64",
        wheel_sha256: "dc4c706f1935ebb62356e6a095b047859badd854482c40560888e95c328ed262",
        wheel_member: "onnxruntime/capi/onnxruntime.dll",
        npm_member: "package/bin/napi-v6/win32/arm64/onnxruntime.dll",
    },
];

impl Package {
    /// The package for a platform, in the words of [`std::env::consts`].
    pub(super) fn find(os: &str, arch: &str) -> Option<&'static Self> {
        PACKAGES
            .iter()
            .find(|package| package.os == os && package.arch == arch)
    }

    /// The platforms that have one.
    pub(super) fn platforms() -> String {
        let names: Vec<_> = PACKAGES
            .iter()
            .map(|package| format!("{} {}", package.os, package.arch))
            .collect();
        names.join(", ")
    }

    /// The requirement for pip, and the specification for npm.
    pub(super) fn names() -> (String, String) {
        (
            format!("onnxruntime=={VERSION}"),
            format!("onnxruntime-node@{VERSION}"),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_package_has_the_pinned_version_and_a_digest() {
        for package in PACKAGES {
            for digest in [package.wheel_sha256, NPM_SHA256] {
                assert_eq!(digest.len(), 64);
                assert!(
                    digest
                        .bytes()
                        .all(|byte| byte.is_ascii_hexdigit() && !byte.is_ascii_uppercase())
                );
            }
            if package.os != "windows" {
                assert!(package.wheel_member.contains(VERSION), "{package:?}");
            }
        }
    }

    #[test]
    fn an_unknown_platform_has_no_package() {
        assert!(Package::find("plan9", "x86_64").is_none());
        assert!(Package::platforms().contains("linux x86_64"));
    }
}
