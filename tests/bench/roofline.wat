;; What a wasm engine can reach at most on this machine, one thread: reading memory, and int8 multiply-adds with the relaxed dot
;; instruction (WebAssembly relaxed SIMD). Assembled by binaryen's wasm-as; see peers/page/roofline.js.
(module
  (memory (export "memory") 1)

  ;; Makes room for $bytes and writes all of it: pages never written would all be read from one page of zeros.
  (func (export "prepare") (param $bytes i32)
    (drop (memory.grow (i32.div_u (i32.add (local.get $bytes) (i32.const 65535)) (i32.const 65536))))
    (memory.fill (i32.const 0) (i32.const 1) (local.get $bytes)))

  ;; Adds up $bytes bytes (a multiple of 128) from address 0, with eight sums that do not wait for each other.
  (func (export "read") (param $bytes i32) (result i32)
    (local $at i32)
    (local $a v128) (local $b v128) (local $c v128) (local $d v128)
    (local $e v128) (local $f v128) (local $g v128) (local $h v128)
    (loop $more
      (local.set $a (i32x4.add (local.get $a) (v128.load offset=0 (local.get $at))))
      (local.set $b (i32x4.add (local.get $b) (v128.load offset=16 (local.get $at))))
      (local.set $c (i32x4.add (local.get $c) (v128.load offset=32 (local.get $at))))
      (local.set $d (i32x4.add (local.get $d) (v128.load offset=48 (local.get $at))))
      (local.set $e (i32x4.add (local.get $e) (v128.load offset=64 (local.get $at))))
      (local.set $f (i32x4.add (local.get $f) (v128.load offset=80 (local.get $at))))
      (local.set $g (i32x4.add (local.get $g) (v128.load offset=96 (local.get $at))))
      (local.set $h (i32x4.add (local.get $h) (v128.load offset=112 (local.get $at))))
      (local.set $at (i32.add (local.get $at) (i32.const 128)))
      (br_if $more (i32.lt_u (local.get $at) (local.get $bytes))))
    (i32x4.extract_lane 0
      (i32x4.add
        (i32x4.add (i32x4.add (local.get $a) (local.get $b)) (i32x4.add (local.get $c) (local.get $d)))
        (i32x4.add (i32x4.add (local.get $e) (local.get $f)) (i32x4.add (local.get $g) (local.get $h))))))

  ;; $rounds times 12 dots of 16 products each, all in registers: as many sums as x86-64's sixteen registers hold.
  (func (export "dot") (param $rounds i32) (param $seed i32) (result i32)
    (local $x v128) (local $y v128)
    (local $a v128) (local $b v128) (local $c v128) (local $d v128)
    (local $e v128) (local $f v128) (local $g v128) (local $h v128)
    (local $i v128) (local $j v128) (local $k v128) (local $l v128)
    (local.set $x (i8x16.splat (local.get $seed)))
    (local.set $y (i8x16.splat (i32.and (local.get $seed) (i32.const 63))))
    (loop $more
      (local.set $a (i32x4.relaxed_dot_i8x16_i7x16_add_s (local.get $x) (local.get $y) (local.get $a)))
      (local.set $b (i32x4.relaxed_dot_i8x16_i7x16_add_s (local.get $x) (local.get $y) (local.get $b)))
      (local.set $c (i32x4.relaxed_dot_i8x16_i7x16_add_s (local.get $x) (local.get $y) (local.get $c)))
      (local.set $d (i32x4.relaxed_dot_i8x16_i7x16_add_s (local.get $x) (local.get $y) (local.get $d)))
      (local.set $e (i32x4.relaxed_dot_i8x16_i7x16_add_s (local.get $x) (local.get $y) (local.get $e)))
      (local.set $f (i32x4.relaxed_dot_i8x16_i7x16_add_s (local.get $x) (local.get $y) (local.get $f)))
      (local.set $g (i32x4.relaxed_dot_i8x16_i7x16_add_s (local.get $x) (local.get $y) (local.get $g)))
      (local.set $h (i32x4.relaxed_dot_i8x16_i7x16_add_s (local.get $x) (local.get $y) (local.get $h)))
      (local.set $i (i32x4.relaxed_dot_i8x16_i7x16_add_s (local.get $x) (local.get $y) (local.get $i)))
      (local.set $j (i32x4.relaxed_dot_i8x16_i7x16_add_s (local.get $x) (local.get $y) (local.get $j)))
      (local.set $k (i32x4.relaxed_dot_i8x16_i7x16_add_s (local.get $x) (local.get $y) (local.get $k)))
      (local.set $l (i32x4.relaxed_dot_i8x16_i7x16_add_s (local.get $x) (local.get $y) (local.get $l)))
      (br_if $more (local.tee $rounds (i32.sub (local.get $rounds) (i32.const 1)))))
    (i32x4.extract_lane 0
      (i32x4.add
        (i32x4.add (i32x4.add (local.get $a) (i32x4.add (local.get $b) (local.get $c))) (i32x4.add (local.get $d) (i32x4.add (local.get $e) (local.get $f))))
        (i32x4.add (i32x4.add (local.get $g) (i32x4.add (local.get $h) (local.get $i))) (i32x4.add (local.get $j) (i32x4.add (local.get $k) (local.get $l))))))))
