// A stand-in for NVIDIA's cuBLAS on the emulator, NOT cuBLAS: the few functions this project calls,
// as plain loops on the host. Every element of a product is summed in double and rounded once, in
// the order of the depth; the real library sums in fp32 in an order of its own, and fast. It checks
// what it is given more strictly than the real one.
#include "tests/emulator/stand_in.hpp"
#include "tests/emulator/vendor/bf16.hpp"

#include <cublas_v2.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <vector>

struct cublasContext {
  cudaStream_t stream = nullptr;
  void* workspace = nullptr;
  std::size_t workspace_bytes = 0;
  cublasMath_t math = CUBLAS_DEFAULT_MATH;
};

namespace {

std::set<cublasHandle_t>& handles() {
  static auto* living = new std::set<cublasHandle_t>;  // used until the very end of the process
  return *living;
}
bool known(cublasHandle_t handle) { return handles().count(handle) == 1; }

std::int64_t bytes_of(cudaDataType type) { return type == CUDA_R_16BF ? 2 : 4; }

/// One matrix of a product, column-major as it is stored.
struct Stored {
  char const* name;
  void const* data;
  cudaDataType type;
  std::int64_t rows, cols, ld;

  void const* column(std::int64_t c) const {
    return static_cast<char const*>(data) + c * ld * bytes_of(type);
  }
  std::string text(std::int64_t c) const {
    return std::string("cuBLAS stand-in: column ") + std::to_string(c) + " of " + name;
  }
};

/// What a tensor core reads of a float in tf32: the nearest with ten fraction bits.
double rounded_to_tf32(float v) {
  if (!std::isfinite(v)) { return static_cast<double>(v); }
  std::uint32_t const bits = std::bit_cast<std::uint32_t>(v) + 0x1000u;
  return static_cast<double>(std::bit_cast<float>(bits & ~0x1fffu));
}

double number(void const* column, std::int64_t row, cudaDataType type, bool tf32) {
  if (type == CUDA_R_16BF) { return from_bf16(static_cast<std::uint16_t const*>(column)[row]); }
  float const v = static_cast<float const*>(column)[row];
  return tf32 ? rounded_to_tf32(v) : static_cast<double>(v);
}

void put(void* column, std::int64_t row, cudaDataType type, float v) {
  if (type == CUDA_R_16BF) {
    static_cast<std::uint16_t*>(column)[row] = to_bf16(v);
  } else {
    static_cast<float*>(column)[row] = v;
  }
}

/// All of it, column by column; empty after a finding.
std::vector<double> read(Stored const& m, bool tf32) {
  std::vector<double> values;
  for (std::int64_t c = 0; m.rows > 0 && c < m.cols; ++c) {
    auto const bytes = static_cast<std::size_t>(m.rows * bytes_of(m.type));
    void const* const column = jetcal_emulator_read(m.text(c).c_str(), m.column(c), bytes,
                                                    static_cast<std::size_t>(bytes_of(m.type)));
    if (column == nullptr) { return {}; }
    for (std::int64_t r = 0; r < m.rows; ++r) { values.push_back(number(column, r, m.type, tf32)); }
  }
  return values;
}

struct Product {
  cublasOperation_t op_a, op_b;
  std::int64_t m, n, k;
  float alpha, beta;
  Stored a, b, c;
  bool tf32;
};

void multiply(Product const& p) {
  bool const has_depth = p.m > 0 && p.n > 0 && p.k > 0;
  std::vector<double> const a = read(p.a, p.tf32), b = read(p.b, p.tf32);
  if (has_depth && (a.empty() || b.empty())) { return; }
  auto const in_a = [&](std::int64_t i, std::int64_t k) {
    return a[static_cast<std::size_t>(p.op_a == CUBLAS_OP_N ? i + k * p.m : k + i * p.k)];
  };
  auto const in_b = [&](std::int64_t k, std::int64_t j) {
    return b[static_cast<std::size_t>(p.op_b == CUBLAS_OP_N ? k + j * p.k : j + k * p.n)];
  };
  for (std::int64_t j = 0; p.m > 0 && j < p.n; ++j) {
    auto const size = static_cast<std::size_t>(bytes_of(p.c.type));
    std::size_t const bytes = static_cast<std::size_t>(p.m) * size;
    std::string const what = p.c.text(j);
    void* const at = const_cast<void*>(p.c.column(j));
    std::vector<double> old(static_cast<std::size_t>(p.m), 0.0);
    if (p.beta != 0) {
      void const* const before = jetcal_emulator_read(what.c_str(), at, bytes, size);
      if (before == nullptr) { return; }
      for (std::int64_t i = 0; i < p.m; ++i) {
        old[static_cast<std::size_t>(i)] = number(before, i, p.c.type, false);
      }
    }
    void* const out = jetcal_emulator_write(what.c_str(), at, bytes, size);
    if (out == nullptr) { return; }
    for (std::int64_t i = 0; i < p.m; ++i) {
      double sum = 0;
      for (std::int64_t k = 0; k < p.k; ++k) { sum += in_a(i, k) * in_b(k, j); }
      double const kept =
          p.beta == 0 ? 0 : static_cast<double>(p.beta) * old[static_cast<std::size_t>(i)];
      put(out, i, p.c.type, static_cast<float>(static_cast<double>(p.alpha) * sum + kept));
    }
  }
}

/// The real library leaves there what it likes: nothing of the program's may lie in it.
bool spoil_workspace(cublasContext const& context) {
  constexpr std::size_t kSome = 4096;
  void* const whole = jetcal_emulator_write("cuBLAS stand-in: the workspace", context.workspace,
                                            context.workspace_bytes, 256);
  if (whole == nullptr) { return false; }
  std::fill_n(static_cast<float*>(whole), std::min(kSome, context.workspace_bytes) / sizeof(float),
              std::numeric_limits<float>::quiet_NaN());
  return true;
}

bool fits(Stored const& m) { return m.ld >= std::max<std::int64_t>(1, m.rows); }

}  // namespace

cublasStatus_t cublasCreate_v2(cublasHandle_t* handle) {
  *handle = new cublasContext;
  handles().insert(*handle);
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasDestroy_v2(cublasHandle_t handle) {
  if (handles().erase(handle) == 0) { return CUBLAS_STATUS_NOT_INITIALIZED; }
  delete handle;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasGetVersion_v2(cublasHandle_t, int* version) {
  *version = CUBLAS_VERSION;
  return CUBLAS_STATUS_SUCCESS;
}

char const* cublasGetStatusString(cublasStatus_t status) {
  return status == CUBLAS_STATUS_SUCCESS ? "success (stand-in)" : "refused by the stand-in";
}

cublasStatus_t cublasSetStream_v2(cublasHandle_t handle, cudaStream_t stream) {
  if (!known(handle)) { return CUBLAS_STATUS_NOT_INITIALIZED; }
  handle->stream = stream;
  handle->workspace = nullptr;  // as the real one does
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetWorkspace_v2(cublasHandle_t handle, void* workspace, std::size_t bytes) {
  if (!known(handle)) { return CUBLAS_STATUS_NOT_INITIALIZED; }
  if (reinterpret_cast<std::uintptr_t>(workspace) % 256 != 0) {
    return CUBLAS_STATUS_INVALID_VALUE;
  }
  handle->workspace = workspace;
  handle->workspace_bytes = bytes;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetMathMode(cublasHandle_t handle, cublasMath_t mode) {
  if (!known(handle)) { return CUBLAS_STATUS_NOT_INITIALIZED; }
  handle->math = mode;
  return CUBLAS_STATUS_SUCCESS;
}

// Wants a workspace of the program's: without one the real library allocates, and which algorithm
// it takes may differ from call to call. Wants parts of a bf16 product summed up in float32.
cublasStatus_t cublasGemmStridedBatchedEx_64(
    cublasHandle_t handle, cublasOperation_t op_a, cublasOperation_t op_b, std::int64_t m,
    std::int64_t n, std::int64_t k, void const* alpha, void const* a, cudaDataType type_a,
    std::int64_t ld_a, long long stride_a, void const* b, cudaDataType type_b, std::int64_t ld_b,
    long long stride_b, void const* beta, void* c, cudaDataType type_c, std::int64_t ld_c,
    long long stride_c, std::int64_t count, cublasComputeType_t compute, cublasGemmAlgo_t algo) {
  if (!known(handle)) { return CUBLAS_STATUS_NOT_INITIALIZED; }
  bool const types = type_a == type_b && (type_a == CUDA_R_32F || type_a == CUDA_R_16BF) &&
                     (type_c == CUDA_R_32F || type_c == type_a);
  bool const way = compute == CUBLAS_COMPUTE_32F ||
                   (compute == CUBLAS_COMPUTE_32F_FAST_TF32 && type_a == CUDA_R_32F);
  bool const ops =
      (op_a == CUBLAS_OP_N || op_a == CUBLAS_OP_T) && (op_b == CUBLAS_OP_N || op_b == CUBLAS_OP_T);
  if (!types || !way || !ops || algo != CUBLAS_GEMM_DEFAULT) { return CUBLAS_STATUS_NOT_SUPPORTED; }
  auto const stored = [&](char const* name, void const* data, cudaDataType type, bool turned,
                          std::int64_t rows, std::int64_t cols, std::int64_t ld) {
    return Stored{name, data, type, turned ? cols : rows, turned ? rows : cols, ld};
  };
  Product p{op_a,
            op_b,
            m,
            n,
            k,
            *static_cast<float const*>(alpha),
            *static_cast<float const*>(beta),
            stored("A", a, type_a, op_a == CUBLAS_OP_T, m, k, ld_a),
            stored("B", b, type_b, op_b == CUBLAS_OP_T, k, n, ld_b),
            stored("C", c, type_c, false, m, n, ld_c),
            compute == CUBLAS_COMPUTE_32F_FAST_TF32};
  if (m < 0 || n < 0 || k < 0 || count < 0 || !fits(p.a) || !fits(p.b) || !fits(p.c) ||
      (count > 1 && std::abs(stride_c) < n * ld_c) || handle->workspace == nullptr ||
      (type_c == CUDA_R_16BF && handle->math != CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION)) {
    return CUBLAS_STATUS_INVALID_VALUE;
  }
  auto const run = [p, count, stride_a, stride_b, stride_c, context = *handle] {
    if (!spoil_workspace(context)) { return; }
    for (std::int64_t i = 0; i < count; ++i) {
      Product one = p;
      for (auto const& [matrix, stride] :
           {std::pair{&one.a, stride_a}, {&one.b, stride_b}, {&one.c, stride_c}}) {
        matrix->data = static_cast<char const*>(matrix->data) + i * stride * bytes_of(matrix->type);
      }
      multiply(one);
    }
  };
  bool const done =
      jetcal_emulator_enqueue(handle->stream, "a product of the cuBLAS stand-in", run) == 0;
  return done ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_EXECUTION_FAILED;
}
