/**
 * s + a b of four floats: rounded once where the module may use relaxed SIMD and the processor has fused multiply-add,
 * else twice. The only operation in which the two modules differ.
 */
@inline
export function multiplyAdd(s: v128, a: v128, b: v128): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? f32x4.relaxed_madd(a, b, s) : f32x4.add(s, f32x4.mul(a, b))
}
