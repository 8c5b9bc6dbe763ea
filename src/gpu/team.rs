//! Teams: invocations that share a dot product.

use super::kernel::WORKGROUP;
use super::launch::Grid;
use super::resources::Resources;
use super::sums::Sums;

/// A workgroup whose invocations share nothing.
const SMALL_WORKGROUP: u32 = 16;

/// Invocations that share a dot product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Team {
    pub size: u32,
    /// How they add it up.
    pub sums: Sums,
}

impl Team {
    /// For rows of `groups` groups.
    pub fn of(groups: usize, r: &Resources) -> Team {
        let size = size(u32::try_from(groups).unwrap_or(u32::MAX), r.software);
        // One alone has nothing to add.
        Team { size, sums: if size == 1 { Sums::Memory } else { r.variants.sums } }
    }

    /// Teams of a workgroup.
    pub fn in_workgroup(self) -> u32 {
        workgroup(self.size) / self.size
    }

    /// The grid for `count` teams.
    pub fn grid(self, count: u32) -> Grid {
        Grid { columns: count.div_ceil(self.in_workgroup()), rows_per_group: 1 }
    }

    /// The constants of the part that sums over teams.
    pub fn constants(self) -> Vec<(&'static str, u32)> {
        let mut constants = self.sums.constants(workgroup(self.size));
        constants.push(("TEAM", self.size));
        constants
    }

    /// The workgroup memory that it takes.
    pub fn workgroup_bytes(self) -> u32 {
        16 * self.sums.places(workgroup(self.size))
    }
}

/// Invocations of a workgroup of teams: a CPU spreads workgroups, not invocations, over its cores.
fn workgroup(team: u32) -> u32 {
    if team == 1 { SMALL_WORKGROUP } else { WORKGROUP }
}

/// Large enough that neighbours read neighbouring memory, small enough that each has at least two groups to sum. A CPU
/// that runs the shader has no use for teams: it sums a row fastest alone.
fn size(groups: u32, software: bool) -> u32 {
    if software {
        return 1;
    }
    let most = (groups / 2).clamp(1, 32);
    1 << most.ilog2()
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn teams_are_powers_of_two_with_work_for_everyone() {
        for groups in 1..300 {
            let team = size(groups, false);
            assert!(team.is_power_of_two() && team <= 32, "{groups}: {team}");
            assert!(team == 1 || 2 * team <= groups, "{groups}: {team}");
        }
    }
}
