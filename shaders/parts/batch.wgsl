// The rows that a dispatch runs over. Rust twin: gpu::kernel::Batch.
struct Batch {
    // Rows of the batch, or of the selection for the steps behind select_rows.
    n: u32,
    // Position of row 0 in the session.
    position: u32,
    // Which of the tokens of one submit this is, counted from 0.
    step: u32,
}

@group(0) @binding(0) var<uniform> batch: Batch;

// The linear index of a workgroup among those of its row: x and y count columns together, z counts rows.
fn column_group(workgroup: vec3<u32>, workgroups: vec3<u32>) -> u32 {
    return workgroup.x + workgroup.y * workgroups.x;
}
