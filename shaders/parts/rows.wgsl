// The weight's rows one after the other: groups of 16 elements of a row are neighbours.

// From a group to the next one of its row.
const GROUP_STEP: u32 = 1u;

// The first group of a row.
fn weight_row(row: u32, groups: u32) -> u32 {
    return row * groups;
}
