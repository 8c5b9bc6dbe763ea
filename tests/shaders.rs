//! Every shader, without a GPU: each kernel with each part compiles for its constants, declares what Rust binds, lays
//! its parameters out as Rust does, and stays within what every WebGPU adapter offers.
#![cfg(all(feature = "gpu", not(target_arch = "wasm32")))]

use naga::proc::Layouter;
use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};
use nanolm::gpu::catalogue;
use nanolm::gpu::kernel::{Access, Batch, Kernel, Layout};

/// What every WebGPU adapter offers (W3C WebGPU, "Limits", defaults).
const STORAGE_BUFFERS: usize = 8;
const INVOCATIONS: u32 = 256;
const WORKGROUP_BYTES: u32 = 16384;

fn parse(kernel: &Kernel) -> Result<(naga::Module, ModuleInfo), String> {
    let source = &kernel.source();
    let module = naga::front::wgsl::parse_str(source).map_err(|e| e.emit_to_string(source))?;
    // No capability beyond the core language (which has unpack2x16float) but for what the kernel says that it needs.
    let mut capabilities = Capabilities::SHADER_FLOAT16_IN_FLOAT32;
    capabilities.set(Capabilities::SUBGROUP, kernel.uses_subgroups());
    capabilities.set(Capabilities::SHADER_FLOAT16, kernel.uses_f16());
    let info = Validator::new(ValidationFlags::all(), capabilities).validate(&module);
    let info = info.map_err(|e| e.emit_to_string(source))?;
    Ok((module, info))
}

/// Everything that `kernel` promises, checked; an error says what is wrong.
fn check(kernel: &Kernel) -> Result<(), String> {
    let (module, info) = parse(kernel)?;
    for (constant, _) in &kernel.constants {
        let declared = module.overrides.iter().any(|(_, o)| o.name.as_deref() == Some(constant));
        if !declared {
            return Err(format!("no override {constant}"));
        }
    }
    check_layout(&module, "Batch", Batch::LAYOUT)?;
    check_layout(&module, "Params", kernel.params)?;
    check_bindings(&module, kernel)?;

    let constants = kernel.constants.iter().map(|&(name, value)| (name.to_string(), f64::from(value))).collect();
    let entry = Some((naga::ShaderStage::Compute, kernel.entry));
    let (module, info) = naga::back::pipeline_constants::process_overrides(&module, &info, entry, &constants)
        .map_err(|e| format!("constants: {e}"))?;
    check_resources(&module, &info, kernel)
}

fn check_layout(module: &naga::Module, name: &str, want: Layout) -> Result<(), String> {
    let found = module.types.iter().find(|(_, ty)| ty.name.as_deref() == Some(name));
    let (_, ty) = found.ok_or_else(|| format!("no struct {name}"))?;
    let naga::TypeInner::Struct { members, span } = &ty.inner else {
        return Err(format!("{name} is no struct"));
    };
    let found: Vec<_> = members.iter().map(|m| (m.name.as_deref().unwrap_or(""), m.offset as usize)).collect();
    if found != want.fields || *span as usize != want.size {
        return Err(format!("{name}: the shader has {found:?}, {span} bytes; Rust has {want:?}"));
    }
    Ok(())
}

fn check_bindings(module: &naga::Module, kernel: &Kernel) -> Result<(), String> {
    let mut found = Vec::new();
    for (_, variable) in module.global_variables.iter() {
        let Some(binding) = &variable.binding else { continue };
        found.push((
            binding.group,
            binding.binding,
            match variable.space {
                naga::AddressSpace::Uniform => None,
                naga::AddressSpace::Storage { access } if access.contains(naga::StorageAccess::STORE) => {
                    Some(Access::Write)
                }
                naga::AddressSpace::Storage { .. } => Some(Access::Read),
                space => return Err(format!("a binding in {space:?}")),
            },
        ));
    }
    found.sort_by_key(|&(_, binding, _)| binding);
    let uniforms = [(0, 0, None), (0, 1, None)];
    let storage = kernel.storage.iter().map(|&(binding, access)| (0, binding, Some(access)));
    let want: Vec<_> = uniforms.into_iter().chain(storage).collect();
    if found != want {
        return Err(format!("the shader binds {found:?}, Rust binds {want:?}"));
    }
    if kernel.storage.len() > STORAGE_BUFFERS {
        return Err(format!("{} storage buffers", kernel.storage.len()));
    }
    Ok(())
}

/// Invocations and workgroup memory, with the constants filled in.
fn check_resources(module: &naga::Module, info: &ModuleInfo, kernel: &Kernel) -> Result<(), String> {
    let entry = module.entry_points.iter().position(|e| e.name == kernel.entry);
    let entry = entry.ok_or_else(|| format!("no entry point {}", kernel.entry))?;
    let invocations: u32 = module.entry_points[entry].workgroup_size.iter().product();
    if invocations == 0 || invocations > INVOCATIONS {
        return Err(format!("{invocations} invocations"));
    }
    let mut layouter = Layouter::default();
    layouter.update(module.to_ctx()).map_err(|e| e.to_string())?;
    let used = info.get_entry_point(entry);
    let shared = module.global_variables.iter().filter(|(_, v)| v.space == naga::AddressSpace::WorkGroup);
    let bytes: u32 = shared.filter(|(h, _)| !used[*h].is_empty()).map(|(_, v)| layouter[v.ty].size).sum();
    if bytes != kernel.workgroup_bytes || bytes > WORKGROUP_BYTES {
        return Err(format!("{bytes} bytes of workgroup memory, Rust says {}", kernel.workgroup_bytes));
    }
    Ok(())
}

#[test]
fn every_kernel_compiles_and_matches_its_rust_twin() {
    for kernel in catalogue() {
        if let Err(why) = check(&kernel) {
            panic!("{}: {why}", kernel.name());
        }
    }
}

#[test]
fn kernels_have_unique_names() {
    let mut names: Vec<String> = catalogue().iter().map(Kernel::name).collect();
    names.sort();
    let all = names.len();
    names.dedup();
    assert_eq!(names.len(), all);
}

/// A file as it should be embedded: each line without its comment and without blanks around it.
fn embedded(text: &str) -> String {
    let code = |line: &str| line.split("//").next().unwrap_or_default().trim().to_string();
    text.split('\n').map(code).collect::<Vec<_>>().join("\n")
}

#[test]
fn comments_are_not_embedded() {
    for kernel in catalogue() {
        let source = kernel.source();
        for mark in ["//", "/*", "\n ", "\t"] {
            assert!(!source.contains(mark), "{}: {mark:?} in {source}", kernel.name());
        }
    }
}

#[test]
fn no_shader_file_is_left_out() {
    let mut used: Vec<String> = Vec::new();
    for kernel in catalogue() {
        used.push(kernel.body.to_string());
        used.extend(kernel.parts.iter().map(|part| part.text.to_string()));
    }
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders");
    let mut files = 0;
    for folder in [root.clone(), root.join("fused"), root.join("parts")] {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let text = std::fs::read_to_string(&path).unwrap();
                assert!(used.contains(&embedded(&text)), "{} belongs to no kernel of the catalogue", path.display());
                files += 1;
            }
        }
    }
    assert!(files >= 12 + 8, "{files} shader files");
}

#[test]
fn the_check_finds_what_is_wrong() {
    let kernels = catalogue();
    let good = kernels.iter().find(|k| k.name().starts_with("linear/matvec+weight_q8_0")).unwrap();
    check(good).unwrap();
    let wrong = |change: fn(&mut Kernel), expected: &str| {
        let mut kernel = good.clone();
        change(&mut kernel);
        let why = check(&kernel).expect_err(expected);
        assert!(why.contains(expected), "{why}");
    };
    wrong(|k| k.body = "fn", "expected");
    wrong(|k| k.parts.truncate(1), "weight_");
    wrong(|k| k.constants.push(("NO_SUCH", 1)), "no override NO_SUCH");
    wrong(|k| k.constants[0].1 = 512, "512 invocations");
    wrong(|k| k.storage[0].1 = Access::Write, "the shader binds");
    wrong(|k| k.workgroup_bytes -= 16, "workgroup memory");
    wrong(|k| k.params.size += 4, "Params");
    wrong(|k| k.params = Layout { size: 16, fields: &[("groups", 4)] }, "Params");
    wrong(|k| k.entry = "nowhere", "nowhere");
}
