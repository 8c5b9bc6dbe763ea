//! Opening the adapter, or saying why the lane cannot run.

use nanolm::Error;
use nanolm::gpu::{GpuModel, GpuOptions};
use nanolm::model::Plan;
use nanolm::weights::Weights;
use std::io::Write;
use std::sync::{Arc, Once};

/// A model on the GPU; `None`, said once on the standard error, where the machine has no adapter. Every other failure
/// fails the test.
pub async fn open(plan: &Arc<Plan>, weights: &Weights, options: GpuOptions) -> Option<GpuModel> {
    static SAID: Once = Once::new();
    // Not eprintln: the test runner would keep it to itself. (In a browser pkg-scripts/wasm-test names the lane.)
    let say = |line: String| SAID.call_once(|| drop(writeln!(std::io::stderr(), "{line}")));
    match GpuModel::with_options(plan.clone(), weights, options, &mut |_, _| ()).await {
        Ok(model) => {
            let adapter = model.adapter();
            say(format!("gpu kernels: on {} through {}", adapter.name, adapter.backend));
            Some(model)
        }
        Err(Error::Gpu { what, why }) if what == "adapter" || what == "WebGPU" => {
            say(format!("SKIPPED gpu kernels: {why}"));
            None
        }
        Err(error) => panic!("{error}"),
    }
}
