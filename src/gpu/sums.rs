//! How the invocations of a workgroup put together what each of them has.

use super::kernel::{Part, part};

/// The way: each has a part of the same functions (`shaders/parts/*_memory.wgsl`, `*_subgroups.wgsl`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sums {
    /// Through its memory, by halving.
    #[default]
    Memory,
    /// Within subgroups first, which have at least that many invocations: a power of two.
    Subgroups(u32),
}

impl Sums {
    /// The part that sums over teams.
    pub fn team(self) -> Part {
        self.one_of(part!("team_memory"), part!("team_subgroups", shown; Subgroups))
    }

    /// The part that reduces over a workgroup.
    pub fn reduce(self) -> Part {
        self.one_of(part!("reduce_memory"), part!("reduce_subgroups", shown; Subgroups))
    }

    /// The part that choosing a token needs.
    pub fn choice(self) -> Part {
        self.one_of(part!("choice_memory"), part!("choice_subgroups", shown; Subgroups))
    }

    fn one_of(self, memory: Part, subgroups: Part) -> Part {
        match self {
            Sums::Memory => memory,
            Sums::Subgroups(_) => subgroups,
        }
    }

    /// The constants of the part, in a workgroup of that many invocations.
    pub fn constants(self, workgroup: u32) -> Vec<(&'static str, u32)> {
        match self {
            Sums::Memory => vec![("WORKGROUP", workgroup)],
            Sums::Subgroups(least) => {
                let places = self.places(workgroup);
                vec![("WORKGROUP", workgroup), ("SUBGROUP", least.min(workgroup)), ("SUBGROUPS", places)]
            }
        }
    }

    /// Places for what is put together, in the workgroup's memory.
    pub fn places(self, workgroup: u32) -> u32 {
        match self {
            Sums::Memory => workgroup,
            Sums::Subgroups(least) => workgroup / least.clamp(1, workgroup),
        }
    }
}
