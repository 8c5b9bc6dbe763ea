# Sourced by the other scripts, after pkg-scripts/setup: how this machine's toolchain is called.
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cd "$root"
. build/env.sh
target_dir="${CARGO_TARGET_DIR:-$root/target}"
# A folder of its own may be given for wasm builds: two toolchains can then build at the same time.
wasm_target_dir="${NANOLM_WASM_TARGET_DIR:-$target_dir}"

# Debian's cargo where there is no other.
cargo_native() {
  if command -v rustc >/dev/null && command -v cargo >/dev/null; then cargo "$@"; else /usr/bin/cargo "$@"; fi
}

# cargo_wasm <subcommand> <arguments>: cargo for the wasm target, with whichever toolchain pkg-scripts/setup picked.
cargo_wasm() {
  local subcommand="$1"
  shift
  if [ "$NANOLM_RUST_KIND" = debian ]; then
    # Debian has no compiled standard library for wasm; building it from source is an unstable option of cargo.
    CARGO_TARGET_DIR="$wasm_target_dir" RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 \
      CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=wasm-ld-19 \
      /usr/bin/cargo "$subcommand" -Z build-std=std,panic_abort --target wasm32-unknown-unknown "$@"
  else
    CARGO_TARGET_DIR="$wasm_target_dir" cargo "$subcommand" --target wasm32-unknown-unknown "$@"
  fi
}

# Builds the tool that writes the JavaScript side of a wasm module, and sets $bindgen to it.
build_bindgen() {
  cargo_native build --quiet -p nanolm-bindgen
  bindgen="$target_dir/debug/nanolm-bindgen"
}
