// Products of bfloat16 factors by oneDNN's matmul.
//
// It is fastest (and in 2.6 takes tiles at all) only for rows without gaps, and a tile of AMX holds
// 32 factors of a sum. So factors are rounded into matrices whose rows and columns are multiples of
// 32, filled up with zeros, and the product goes to a matrix of that size; what belongs to the
// layer is copied or added from there, 128 rows at a time, which stay in the second-level cache.
// That also leaves few shapes, for oneDNN compiles code for each.

#include "kernels/dense_onednn_bf16.hpp"

#include <omp.h>

#include <algorithm>
#include <compare>
#include <cstdlib>
#include <map>
#include <oneapi/dnnl/dnnl.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "engine/device.hpp"
#include "kernels/dense_bf16.hpp"

namespace jetcal::bf16::onednn {
namespace {

using Layout = dnnl::memory::desc;
constexpr auto kBf16 = dnnl::memory::data_type::bf16;
constexpr auto kFloat = dnnl::memory::data_type::f32;

constexpr std::int64_t kStep = 32;

// Rows that are rounded, multiplied and stored before the next ones: a tile of an execution (64,
// 128 or 224 rows took 3 % longer).
constexpr std::int64_t kChunkRows = 14 * kStep;

// Rows that are copied and then activated while they are in the first-level cache.
constexpr std::int64_t kStripRows = 14;

std::int64_t wide(std::int64_t n) { return (n + kStep - 1) / kStep * kStep; }

/// Words of two factors.
std::int64_t words_of(std::int64_t rows, std::int64_t cols) { return wide(rows) * wide(cols) / 2; }

dnnl::engine const& engine() {
  static dnnl::engine const cpu(dnnl::engine::kind::cpu, 0);
  return cpu;
}

// A thread's own, like the products below.
dnnl::stream& stream() {
  thread_local dnnl::stream own(engine());
  return own;
}

/// Empty where oneDNN has no such product. Every thread comes through here first.
dnnl::matmul::primitive_desc matmul_desc(Layout const& a, Layout const& b, Layout const& c) {
  omp_set_num_threads(1);
  bool const or_nothing = true;
#if DNNL_VERSION_MAJOR >= 3
  return {engine(), a, b, c, dnnl::primitive_attr(), or_nothing};
#else
  return {dnnl::matmul::desc(a, b, c), engine(), or_nothing};
#endif
}

Layout by_rows(std::int64_t rows, std::int64_t cols) {
  return {{rows, cols}, kBf16, dnnl::memory::dims{cols, 1}};
}
Layout by_cols(std::int64_t rows, std::int64_t cols) {
  return {{rows, cols}, kBf16, dnnl::memory::dims{1, rows}};
}
Layout of_floats(std::int64_t rows, std::int64_t cols) {
  return {{rows, cols}, kFloat, dnnl::memory::dims{cols, 1}};
}

/// How the weights [inputs, outputs] lie in dense_packed_size floats: as oneDNN likes it for many
/// rows, or, if that does not fit, row by row.
Layout packed_layout(std::int64_t inputs, std::int64_t outputs) {
  Layout const any({inputs, outputs}, kBf16, dnnl::memory::format_tag::any);
  auto const product =
      matmul_desc(by_rows(kChunkRows, inputs), any, of_floats(kChunkRows, outputs));
  Layout const rows = by_rows(inputs, outputs);
  if (!product) { return rows; }
  Layout const best = product.weights_desc();
  auto const space =
      static_cast<std::size_t>(cpu::dense_packed_size(inputs, outputs)) * sizeof(float);
  return best.get_size() <= space ? best : rows;
}

/// c = a b; a [rows, depth] by rows or by columns, b [depth, cols] packed or by rows.
struct Shape {
  enum class Factors { packed_weights, transposed_values };
  Factors factors = Factors::packed_weights;
  std::int64_t rows = 0, cols = 0, depth = 0;
  auto operator<=>(Shape const&) const = default;
};

class Product {
 public:
  explicit Product(Shape const& s) {
    bool const weights = s.factors == Shape::Factors::packed_weights;
    auto const desc =
        matmul_desc(weights ? by_rows(s.rows, s.depth) : by_cols(s.rows, s.depth),
                    weights ? packed_layout(s.depth, s.cols) : by_rows(s.depth, s.cols),
                    of_floats(s.rows, s.cols));
    JETCAL_REQUIRE(desc, DeviceError,
                   "dense (oneDNN, bf16): there is no product ["
                       << s.rows << ", " << s.depth << "] x [" << s.depth << ", " << s.cols
                       << "]. Use --dense-kernels own");
    product_ = dnnl::matmul(desc);
    a_ = dnnl::memory(desc.src_desc(), engine(), nullptr);
    b_ = dnnl::memory(desc.weights_desc(), engine(), nullptr);
    c_ = dnnl::memory(desc.dst_desc(), engine(), nullptr);
  }

  void run(float const* a, float const* b, float* c) {
    a_.set_data_handle(const_cast<float*>(a));
    b_.set_data_handle(const_cast<float*>(b));
    c_.set_data_handle(c);
    product_.execute(stream(), {{DNNL_ARG_SRC, a_}, {DNNL_ARG_WEIGHTS, b_}, {DNNL_ARG_DST, c_}});
  }

 private:
  dnnl::matmul product_;
  dnnl::memory a_, b_, c_;
};

Product& product(Shape const& s) {
  thread_local std::map<Shape, Product> made;
  return made.try_emplace(s, s).first->second;
}

/// The weights [inputs, outputs] from rounded rows, their own or those of their transpose.
struct PackedShape {
  bool transposed = false;
  std::int64_t inputs = 0, outputs = 0;
  auto operator<=>(PackedShape const&) const = default;
};

class Packing {
 public:
  explicit Packing(PackedShape const& s)
      : from_((s.transposed ? by_cols : by_rows)(s.inputs, s.outputs), engine(), nullptr),
        to_(packed_layout(s.inputs, s.outputs), engine(), nullptr),
        reorder_(from_, to_) {}

  void run(float* from, float* to) {
    from_.set_data_handle(from);
    to_.set_data_handle(to);
    reorder_.execute(stream(), from_, to_);
  }

 private:
  dnnl::memory from_, to_;
  dnnl::reorder reorder_;
};

Packing& packing(PackedShape const& s) {
  thread_local std::map<PackedShape, Packing> made;
  return made.try_emplace(s, s).first->second;
}

DeviceError failure(dnnl::error const& e) {
  return DeviceError(std::string("dense (oneDNN, bf16): ") + e.what() +
                     ". Use --dense-kernels own");
}

void multiply(Shape const& s, float const* a, float const* b, float* c) {
  try {
    product(s).run(a, b, c);
  } catch (dnnl::error const& e) { throw failure(e); }
}

/// Working memory of a thread, grown to the largest tile it has seen.
float* scratch(std::int64_t floats) {
  thread_local Buffer memory;
  if (memory.size() < floats) { memory = Buffer({}, floats); }
  return memory.data();
}

template <class Matrix>
Matrix rows_of(Matrix m, std::int64_t first, std::int64_t rows) {
  return {m.row(first), rows, m.cols, m.ld};
}

/// All of a matrix as words_of(rows, cols) words.
void round_matrix(ConstMat m, float* words) {
  std::int64_t const ld = wide(m.cols) / 2;
  round_rows(m, words, ld);
  std::fill(words + m.rows * ld, words + wide(m.rows) * ld, 0.0f);
}

void pack_as(PackedShape const& s, ConstMat w, float* packed) {
  float* const words = scratch(words_of(w.rows, w.cols));
  round_matrix(w, words);
  try {
    packing(s).run(words, packed);
  } catch (dnnl::error const& e) { throw failure(e); }
}

/// What belongs to `to` of rows of wide(to.cols) floats, padding included.
void store(float const* from, bool add, Mat to) {
  std::int64_t const ld = wide(to.cols), cols = padded(to.cols);
  for (std::int64_t r = 0; r < to.rows; ++r, from += ld) {
    if (add) {
      float* const row = to.row(r);
      for (std::int64_t c = 0; c < cols; ++c) { row[c] += from[c]; }
    } else {
      std::copy_n(from, cols, to.row(r));
    }
  }
}

}  // namespace

bool supported() {
  static bool const there(
      matmul_desc(by_rows(kStep, kStep), by_rows(kStep, kStep), of_floats(kStep, kStep)));
  return there;
}

bool has_tiles() {
  if (char const* const word = std::getenv("JETCAL_AMX"); word != nullptr && *word != '\0') {
    std::string_view const answer(word);
    JETCAL_REQUIRE(
        answer == "yes" || answer == "no", ConfigError,
        "JETCAL_AMX: '" << answer << "' is unknown (yes, no). Unset it or use one of those");
    return answer == "yes";
  }
  int const tiles = dnnl_cpu_isa_avx512_core_amx;
  return (static_cast<int>(dnnl_get_effective_cpu_isa()) & tiles) == tiles;
}

void pack(ConstMat w, float* packed) { pack_as({false, wide(w.rows), wide(w.cols)}, w, packed); }

void pack_transposed(ConstMat w, float* packed) {
  pack_as({true, wide(w.cols), wide(w.rows)}, w, packed);
}

void forward(ConstMat x, float const* packed, float const* bias, Activation activation, Mat y,
             Mat slope, Requests) {
  std::int64_t const inputs = wide(x.cols), outputs = wide(y.cols);
  float* const words = scratch(kChunkRows * (inputs / 2 + outputs));
  float* const z = words + kChunkRows * inputs / 2;
  for (std::int64_t chunk = 0; chunk < x.rows; chunk += kChunkRows) {
    std::int64_t const rows = std::min(kChunkRows, x.rows - chunk);
    round_matrix(rows_of(x, chunk, rows), words);
    multiply({Shape::Factors::packed_weights, wide(rows), outputs, inputs}, words, packed, z);
    for (std::int64_t r = 0; r < rows; r += kStripRows) {
      std::int64_t const n = std::min(kStripRows, rows - r);
      Mat const strip = rows_of(y, chunk + r, n);
      store(z + r * outputs, false, strip);
      cpu::dense_epilogue(bias, activation, strip,
                          slope.data == nullptr ? slope : rows_of(slope, chunk + r, n));
    }
  }
}

void backward(cpu::DenseBackward const& b) {
  bool const data = b.dx.data != nullptr, weights = b.dw.data != nullptr;
  std::int64_t const rows = b.dz.rows, outputs = wide(b.dz.cols);
  std::int64_t const inputs = wide(data ? b.dx.cols : b.dw.rows);
  float* const dz = scratch(words_of(rows, outputs) + words_of(rows, inputs) +
                            std::max(kChunkRows, outputs) * inputs);
  float* const x = dz + words_of(rows, outputs);
  float* const sums = x + words_of(rows, inputs);
  for (std::int64_t chunk = 0; chunk < rows; chunk += kChunkRows) {
    std::int64_t const n = std::min(kChunkRows, rows - chunk);
    Mat const z = rows_of(b.dz, chunk, n);
    float* const z_words = dz + chunk * outputs / 2;
    if (b.slope.data != nullptr) { cpu::dense_backward_activation(rows_of(b.slope, chunk, n), z); }
    round_matrix(z, z_words);
    if (weights) {
      cpu::dense_backward_bias(z, chunk > 0 || b.add_gradients, b.db);
      round_matrix(rows_of(b.x, chunk, n), x + chunk * inputs / 2);
    }
    if (data) {
      multiply({Shape::Factors::packed_weights, wide(n), inputs, outputs}, z_words,
               b.packed_transposed, sums);
      store(sums, b.accumulate, rows_of(b.dx, chunk, n));
    }
  }
  if (!weights) { return; }
  if (rows > 0) {
    multiply({Shape::Factors::transposed_values, inputs, outputs, wide(rows)}, x, dz, sums);
  } else {
    cpu::dense_backward_bias(b.dz, b.add_gradients, b.db);
    std::fill_n(sums, inputs * outputs, 0.0f);
  }
  store(sums, b.add_gradients, b.dw);
}

}  // namespace jetcal::bf16::onednn
