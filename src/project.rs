//! A project: `dqc.toml`, its environments, and the files below its folder.
