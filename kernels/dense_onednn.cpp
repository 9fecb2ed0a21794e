#include "kernels/dense_onednn.hpp"

#include <omp.h>
#include <oneapi/dnnl/dnnl.h>

#include <algorithm>

namespace jetcal::onednn {
namespace {

/// c [m, n] = a op b (+ c), all row-major.
void sgemm(bool transpose_a, bool transpose_b, std::int64_t m, std::int64_t n, std::int64_t k,
           float const* a, std::int64_t lda, float const* b, std::int64_t ldb, bool add, float* c,
           std::int64_t ldc) {
  thread_local bool const one_thread = (omp_set_num_threads(1), true);
  (void)one_thread;
  dnnl_status_t const status = dnnl_sgemm(transpose_a ? 'T' : 'N', transpose_b ? 'T' : 'N', m, n, k,
                                          1.0f, a, lda, b, ldb, add ? 1.0f : 0.0f, c, ldc);
  JETCAL_REQUIRE(status == dnnl_success, DeviceError,
                 "dnnl_sgemm: status " << static_cast<int>(status) << " for [" << m << ", " << k
                                       << "] x [" << k << ", " << n
                                       << "]. Use --dense-kernels own");
}

}  // namespace

void dense_pack(ConstMat w, float* packed) {
  for (std::int64_t k = 0; k < w.rows; ++k) { std::copy_n(w.row(k), w.cols, packed + k * w.cols); }
}

void dense_pack_transposed(ConstMat w, float* packed) {
  for (std::int64_t n = 0; n < w.cols; ++n) {
    for (std::int64_t k = 0; k < w.rows; ++k) { packed[n * w.rows + k] = w.row(k)[n]; }
  }
}

void dense_forward(ConstMat x, float const* packed, float const* bias, Activation activation, Mat y,
                   Mat slope, Requests) {
  if (y.rows == 0) { return; }
  sgemm(false, false, x.rows, y.cols, x.cols, x.data, x.ld, packed, y.cols, false, y.data, y.ld);
  cpu::dense_epilogue(bias, activation, y, slope);
}

void dense_backward_data(ConstMat dz, float const* packed_transposed, bool accumulate, Mat dx) {
  if (dx.rows == 0) { return; }
  sgemm(false, false, dz.rows, dx.cols, dz.cols, dz.data, dz.ld, packed_transposed, dx.cols,
        accumulate, dx.data, dx.ld);
  for (std::int64_t r = 0; r < dx.rows; ++r) {
    std::fill(dx.row(r) + dx.cols, dx.row(r) + padded(dx.cols), 0.0f);
  }
}

void dense_backward_weights(ConstMat x, ConstMat dz, bool accumulate, Mat dw, Mat db) {
  if (x.rows > 0) {
    sgemm(true, false, x.cols, dz.cols, x.rows, x.data, x.ld, dz.data, dz.ld, accumulate, dw.data,
          dw.ld);
  } else if (!accumulate) {
    for (std::int64_t k = 0; k < dw.rows; ++k) { std::fill_n(dw.row(k), dw.cols, 0.0f); }
  }
  cpu::dense_backward_bias(dz, accumulate, db);
}

void dense_backward(cpu::DenseBackward const& b) {
  if (b.slope.data != nullptr) { cpu::dense_backward_activation(b.slope, b.dz); }
  if (b.dw.data != nullptr) { dense_backward_weights(b.x, b.dz, b.add_gradients, b.dw, b.db); }
  if (b.dx.data != nullptr) { dense_backward_data(b.dz, b.packed_transposed, b.accumulate, b.dx); }
}

}  // namespace jetcal::onednn
