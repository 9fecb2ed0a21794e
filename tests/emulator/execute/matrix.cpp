// Matrices of a warp: ldmatrix and mma.sync (m16n8k8 tf32, m16n8k16 and m16n8k8 bf16 and f16, fp32
// sums).
//
// An mma sums its products in double and rounds once: inside a real tensor core sums are rounded
// (or cut) in other places, so the last bits differ there.
#include "tests/emulator/execute/elementwise.hpp"
#include "tests/emulator/execute/formats.hpp"
#include "tests/emulator/execute/select.hpp"

namespace emulator {
namespace {

constexpr int kRows = 16, kColumns = 8;

// ldmatrix: lane 8 m + r holds the address of row r (8 numbers of 16 bits) of matrix m; lane l gets
// two neighbours of row l / 4 of each, or of column l / 4 with .trans (variant 1).
void load_matrix(Warp& w, Instruction const& i, Lanes) {
  std::array<std::array<std::array<u16, 8>, 8>, 4> matrices{};
  std::array<u64, kWarpSize> addresses{};
  InstructionCounter& counter = w.block.counters[static_cast<std::size_t>(w.index_of(i))];
  for (int m = 0; m < i.vector; ++m) {
    Lanes const rows = Lanes(255) << (8 * m);
    each_lane(rows, [&](int lane) {
      u64& address = addresses[static_cast<std::size_t>(lane)];
      address = w.value(i.from[0], lane) + static_cast<u64>(i.offset[0]);
      u8 const* const row = touch(w, i, lane, i.space, address, 16, Touch::read, kAllLanes);
      std::memcpy(matrices[static_cast<std::size_t>(m)][static_cast<std::size_t>(lane % 8)].data(),
                  row, 16);
    });
    count_shared(counter, addresses.data(), rows, 16);
  }
  for (std::size_t lane = 0; lane < kWarpSize; ++lane) {
    std::size_t const row = lane / 4, column = 2 * (lane % 4);
    for (std::size_t m = 0; m < i.vector; ++m) {
      auto const& a = matrices[m];
      u16 const first = i.variant == 1 ? a[column][row] : a[row][column];
      u16 const second = i.variant == 1 ? a[column + 1][row] : a[row][column + 1];
      w.cells<u32>(i.to[m])[lane] = first | u32(second) << 16;
    }
  }
}

/// Numbers a register holds, and how they are read.
struct Tf32 {
  static constexpr int kEach = 1;
  static double element(u32 x, int) { return static_cast<double>(from_tf32(x)); }
};
struct Bf16 {
  static constexpr int kEach = 2;
  static double element(u32 x, int n) { return static_cast<double>(from_bf16(u16(x >> (16 * n)))); }
};
struct F16 {
  static constexpr int kEach = 2;
  static double element(u32 x, int n) { return static_cast<double>(from_f16(u16(x >> (16 * n)))); }
};

// d = a b + c with a [16, K], b [K, 8], c and d [16, 8] (PTX ISA, "Matrix Fragments for
// mma.m16n8k8" and
// "... m16n8k16"). Lane l is group g = l / 4, place t = l % 4; register r of a holds row g + 8 (r %
// 2) and columns kEach (t + 4 (r / 2)) + n, of b rows kEach (t + 4 r) + n and column g; of c and d
// row g + 8 (r / 2), column 2 t + r % 2.
template <class Format, int K>
void multiply(Warp& w, Instruction const& i, Lanes) {
  constexpr int kEach = Format::kEach, kRegistersA = K / (2 * kEach), kRegistersB = K / (4 * kEach);
  double a[kRows][K], b[K][kColumns], d[kRows][kColumns];
  u32 const* registers[12];
  for (std::size_t r = 0; r < kRegistersA + kRegistersB + 4; ++r) {
    registers[r] = w.cells<u32>(i.from[r]);
  }
  for (int lane = 0; lane < kWarpSize; ++lane) {
    int const g = lane / 4, t = lane % 4;
    for (int r = 0; r < kRegistersA; ++r) {
      for (int n = 0; n < kEach; ++n) {
        a[g + 8 * (r % 2)][kEach * (t + 4 * (r / 2)) + n] = Format::element(registers[r][lane], n);
      }
    }
    for (int r = 0; r < kRegistersB; ++r) {
      for (int n = 0; n < kEach; ++n) {
        b[kEach * (t + 4 * r) + n][g] = Format::element(registers[kRegistersA + r][lane], n);
      }
    }
    for (int r = 0; r < 4; ++r) {
      d[g + 8 * (r / 2)][2 * t + r % 2] =
          static_cast<double>(bits<float>(registers[kRegistersA + kRegistersB + r][lane]));
    }
  }
  for (int row = 0; row < kRows; ++row) {
    for (int k = 0; k < K; ++k) {
      for (int column = 0; column < kColumns; ++column) {
        d[row][column] += a[row][k] * b[k][column];
      }
    }
  }
  for (int lane = 0; lane < kWarpSize; ++lane) {
    for (int r = 0; r < 4; ++r) {
      double const sum = d[lane / 4 + 8 * (r / 2)][2 * (lane % 4) + r % 2];
      w.cells<u32>(i.to[static_cast<std::size_t>(r)])[lane] =
          bits<u32>(canonical(static_cast<float>(sum)));
    }
  }
}

Choice whole_warp(Execute run, Class cls, u32 variant = 0) {
  Choice choice(run, cls);
  choice.control = Control::warp_sync;
  choice.variant = variant;
  return choice;
}

}  // namespace

Choice select_matrix(ptx::Statement const& s) {
  std::string const& name = s.opcode[0];
  if (name == "ldmatrix" && s.has("m8n8") && s.has("b16")) {
    return whole_warp(load_matrix, Class::load_matrix, s.has("trans"));
  }
  if (name != "mma" || !s.has("row") || !s.has("col") || s.opcode.back() != "f32") { return {}; }
  bool const k16 = s.has("m16n8k16"), k8 = s.has("m16n8k8");
  Execute run = nullptr;
  if (s.has("tf32")) { run = k8 ? multiply<Tf32, 8> : nullptr; }
  if (s.has("bf16")) { run = k16 ? multiply<Bf16, 16> : k8 ? multiply<Bf16, 8> : nullptr; }
  if (s.has("f16")) { run = k16 ? multiply<F16, 16> : k8 ? multiply<F16, 8> : nullptr; }
  return run == nullptr ? Choice{} : whole_warp(run, Class::mma);
}

}  // namespace emulator
