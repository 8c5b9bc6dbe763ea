// Reductions over one workgroup by halving. Every invocation must call them, and gets the result. What was written to workgroup
// memory before can be read behind them.

// Invocations of a workgroup: a power of two.
override WORKGROUP: u32 = 64u;

var<workgroup> reduce_scratch: array<f32, WORKGROUP>;

fn reduce_sum(local: u32, value: f32) -> f32 {
    // The scratch may still be read by a slower invocation's previous reduction.
    workgroupBarrier();
    reduce_scratch[local] = value;
    for (var half = WORKGROUP / 2u; half > 0u; half >>= 1u) {
        workgroupBarrier();
        if local < half {
            reduce_scratch[local] += reduce_scratch[local + half];
        }
    }
    workgroupBarrier();
    return reduce_scratch[0];
}

fn reduce_max(local: u32, value: f32) -> f32 {
    workgroupBarrier();
    reduce_scratch[local] = value;
    for (var half = WORKGROUP / 2u; half > 0u; half >>= 1u) {
        workgroupBarrier();
        if local < half {
            reduce_scratch[local] = max(reduce_scratch[local], reduce_scratch[local + half]);
        }
    }
    workgroupBarrier();
    return reduce_scratch[0];
}
