#include "kernels/dense_bf16.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "engine/isa.hpp"
#include "kernels/dense_bf16_avx512.hpp"
#include "kernels/soon.hpp"

namespace jetcal::bf16 {
namespace {

constexpr std::int64_t kGroup = 32;

float rounded(float x) {
  if (std::isnan(x)) { return x; }
  auto const bits = std::bit_cast<std::uint32_t>(x);
  return std::bit_cast<float>((bits + 0x7fffu + (bits >> 16 & 1u)) & 0xffff0000u);
}

/// A copy of a matrix with every element rounded, its padding 0.
class Rounded {
 public:
  explicit Rounded(ConstMat m)
      : values_(static_cast<std::size_t>(m.rows * padded(m.cols)), 0.0f),
        view_{values_.data(), m.rows, m.cols, padded(m.cols)} {
    for (std::int64_t r = 0; r < m.rows; ++r) {
      for (std::int64_t c = 0; c < m.cols; ++c) { view_.row(r)[c] = rounded(m.row(r)[c]); }
    }
  }
  Mat view() const { return view_; }

 private:
  std::vector<float> values_;
  Mat view_;
};

}  // namespace

bool has_instructions() { return active_isa() == Isa::avx512 && avx512::supported(); }

void round_rows(ConstMat x, float* words, std::int64_t ld) {
  if (has_instructions()) { return avx512::round_rows(x, words, ld); }
  for (std::int64_t r = 0; r < x.rows; ++r) {
    std::int64_t const groups = (x.cols + kGroup - 1) / kGroup;
    std::fill_n(words + r * ld, groups * kGroup / 2, 0.0f);
    auto* const to = reinterpret_cast<unsigned char*>(words + r * ld);
    for (std::int64_t c = 0; c < x.cols; ++c) {
      auto const half =
          static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(rounded(x.row(r)[c])) >> 16);
      std::memcpy(to + c * 2, &half, sizeof half);
    }
  }
}

void dense_pack(ConstMat w, float* packed) {
  if (has_instructions()) { return avx512::pack(w, packed); }
  cpu::dense_pack(Rounded(w).view(), packed);
}

void dense_pack_transposed(ConstMat w, float* packed) {
  if (has_instructions()) { return avx512::pack_transposed(w, packed); }
  cpu::dense_pack_transposed(Rounded(w).view(), packed);
}

void dense_forward(ConstMat x, float const* packed, float const* bias, Activation activation, Mat y,
                   Mat slope, Requests ahead) {
  if (has_instructions()) { return avx512::forward(x, packed, bias, activation, y, slope, ahead); }
  cpu::dense_forward(Rounded(x).view(), packed, bias, activation, y, slope, ahead);
}

void dense_backward(cpu::DenseBackward const& b) {
  cpu::require_shapes("dense_backward (bf16)", b);
  if (has_instructions()) { return avx512::backward(b); }
  if (b.slope.data != nullptr) { cpu::dense_backward_activation(b.slope, b.dz); }
  Rounded const dz(b.dz);
  if (b.dx.data != nullptr) {
    cpu::dense_backward_data(dz.view(), b.packed_transposed, b.accumulate, b.dx);
  }
  if (b.dw.data != nullptr) {
    std::vector<float> unused(static_cast<std::size_t>(padded(b.db.cols)), 0.0f);
    Mat const rounded_sum{unused.data(), 1, b.db.cols, padded(b.db.cols)};
    cpu::dense_backward_weights(Rounded(b.x).view(), dz.view(), b.add_gradients, b.dw, rounded_sum);
    cpu::dense_backward_bias(b.dz, b.add_gradients, b.db);
  }
}

}  // namespace jetcal::bf16
