//! Arguments by hand: commands, options with values, and what stands by itself.

use std::str::FromStr;

/// What went wrong, and with which status the program ends.
pub enum Failure {
    /// The command line is not one that the program knows: status 2.
    Usage(String),
    /// It could not be done: status 1.
    Failed(String),
}

impl From<nanolm::Error> for Failure {
    fn from(error: nanolm::Error) -> Self {
        Failure::Failed(format!("{error} ({})", error.code()))
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Failure::Failed(error.to_string())
    }
}

pub type Result<T> = std::result::Result<T, Failure>;

/// The arguments that are not read yet.
pub struct Args(Vec<String>);

impl Args {
    pub fn new(args: impl Iterator<Item = String>) -> Self {
        // `--name=value` is `--name value`.
        let split = |arg: String| match arg.split_once('=') {
            Some((name, value)) if name.starts_with("--") => vec![name.to_string(), value.to_string()],
            _ => vec![arg],
        };
        Args(args.flat_map(split).collect())
    }

    /// Whether an option without a value is there.
    pub fn flag(&mut self, name: &str) -> bool {
        let found = self.0.iter().position(|arg| arg == name);
        found.map(|at| self.0.remove(at)).is_some()
    }

    /// The value of an option.
    pub fn option<T: FromStr>(&mut self, name: &str, expected: &str) -> Result<Option<T>> {
        let Some(at) = self.0.iter().position(|arg| arg == name) else { return Ok(None) };
        self.0.remove(at);
        if at == self.0.len() {
            return Err(Failure::Usage(format!("{name} needs a value: {expected}")));
        }
        let value = self.0.remove(at);
        match value.parse() {
            Ok(value) => Ok(Some(value)),
            Err(_) => Err(Failure::Usage(format!("{name}: expected {expected}, found {value}"))),
        }
    }

    /// The values of an option that may be given several times.
    pub fn options(&mut self, name: &str, expected: &str) -> Result<Vec<String>> {
        let mut all = Vec::new();
        while let Some(value) = self.option::<String>(name, expected)? {
            all.push(value);
        }
        Ok(all)
    }

    /// The arguments by themselves: so many, named for the message.
    pub fn rest<const N: usize>(self, names: [&str; N]) -> Result<[String; N]> {
        if let Some(unknown) = self.0.iter().find(|arg| arg.starts_with("--")) {
            return Err(Failure::Usage(format!("unknown option {unknown}")));
        }
        let found = self.0.len();
        self.0.try_into().map_err(|_| Failure::Usage(format!("expected {}, found {found} arguments", names.join(" "))))
    }

    pub fn first(&mut self) -> Option<String> {
        if self.0.is_empty() { None } else { Some(self.0.remove(0)) }
    }
}
