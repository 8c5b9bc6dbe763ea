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

# The builds of the engine (see pkg-scripts/npm/src/builds.ts) differ in what cargo and rustc are told. Which one cargo_wasm
# makes: NANOLM_WASM_BUILD=simd128|relaxed|threads. Each has a target folder of its own, so that none undoes another's work.
wasm_build="${NANOLM_WASM_BUILD:-simd128}"
wasm_build_dir() {
  local dir="$wasm_target_dir"
  if [ "$wasm_build" != simd128 ]; then
    dir="$wasm_target_dir/wasm-$wasm_build"
    mkdir -p "$dir" "$wasm_target_dir/release"
    # What is compiled for this machine, procedural macros and build scripts, takes a while and is the same, unless
    # RUSTC_BOOTSTRAP differs, which some build scripts look at.
    if [ "$wasm_build" = relaxed ] && [ ! -e "$dir/release" ]; then ln -s ../release "$dir/release"; fi
  fi
  echo "$dir"
}

# What rustc is told for each build; it takes the place of .cargo/config.toml. The kernels say themselves what is to be inlined. Of the
# rest, which hardly ever runs, every visitor downloads less when almost nothing is: 100 KB of 870, gzipped.
wasm_flags() {
  printf '%s ' -Cllvm-args=-inline-threshold=10 -Cno-vectorize-loops
  # Panics name files: whoever builds it, the engine names the same ones. Flags are parted at spaces, so paths with one stay.
  local cargo_home="${CARGO_HOME:-$HOME/.cargo}" sysroot
  sysroot="$("$([ "$NANOLM_RUST_KIND" = debian ] && echo /usr/bin/rustc || echo rustc)" --print sysroot)" || return 1
  case "$cargo_home$sysroot" in
    *" "*) ;;
    *) printf '%s ' "--remap-path-prefix=$cargo_home=/cargo" "--remap-path-prefix=$sysroot=/rust" ;;
  esac
  case "$wasm_build" in
    simd128) echo "-Ctarget-feature=+simd128" ;;
    relaxed) echo "-Ctarget-feature=+simd128,+relaxed-simd" ;;
    # Shared memory is imported, so that every thread can be given the same one. The exports are what wasm-bindgen sets up
    # the threads' own data with. The limit is the largest there is; the memory itself may have a lower one.
    threads)
      printf '%s ' -Ctarget-feature=+simd128,+relaxed-simd,+atomics,+bulk-memory \
        -Clink-arg=--{shared-memory,import-memory,max-memory=4294967296} \
        -Clink-arg=--export=__{wasm_init_tls,tls_size,tls_align,tls_base}
      ;;
    *)
      echo "toolchain: unknown build: $wasm_build (known: simd128 relaxed threads)" >&2
      return 1
      ;;
  esac
}

# cargo_wasm <subcommand> <arguments>: cargo for the wasm target, with whichever toolchain pkg-scripts/setup picked.
cargo_wasm() {
  local subcommand="$1" flags std=()
  shift
  flags="$(wasm_flags)" || return 1
  # Debian has no compiled standard library for wasm, and nobody has one for threads; building it from source is an unstable
  # option of cargo.
  if [ "$NANOLM_RUST_KIND" = debian ] || [ "$wasm_build" = threads ]; then std=(-Z build-std=std,panic_abort); fi
  (
    export CARGO_TARGET_DIR="$(wasm_build_dir)"
    [ -z "$flags" ] || export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS="$flags"
    [ ${#std[@]} = 0 ] || export RUSTC_BOOTSTRAP=1
    if [ "$NANOLM_RUST_KIND" = debian ]; then
      export RUSTC=/usr/bin/rustc CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=wasm-ld-19
      /usr/bin/cargo "$subcommand" ${std[@]+"${std[@]}"} --target wasm32-unknown-unknown "$@"
    else
      cargo "$subcommand" ${std[@]+"${std[@]}"} --target wasm32-unknown-unknown "$@"
    fi
  )
}

# The tool that writes the JavaScript side of a wasm module. build_bindgen compiles it, unless NANOLM_BINDGEN says where it
# already is, and sets $bindgen to it.
bindgen_path() { echo "${NANOLM_BINDGEN:-$target_dir/debug/nanolm-bindgen}"; }
build_bindgen() {
  [ -n "${NANOLM_BINDGEN:-}" ] || cargo_native build --quiet -p nanolm-bindgen
  bindgen="$(bindgen_path)"
}
