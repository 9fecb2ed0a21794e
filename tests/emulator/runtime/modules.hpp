// The modules of the program: parsed and decoded when they are first needed, variables allocated.
#pragma once

#include "tests/emulator/execute/program.hpp"
#include "tests/emulator/ptx/syntax.hpp"

#include <map>
#include <memory>
#include <string>
#include <utility>

namespace emulator {

/// One fat binary.
class Image {
 public:
  explicit Image(void const* wrapper) : wrapper_(wrapper) {}
  /// Throws std::runtime_error if the PTX cannot be read or the kernel not decoded.
  Kernel const& kernel(std::string const& symbol);
  struct Variable {
    u64 address = 0, bytes = 0;
  };
  Variable variable(std::string const& symbol);

 private:
  void load();
  void allocate_variables();
  void const* wrapper_;
  std::string text_;
  std::unique_ptr<ptx::Module> module_;
  std::map<std::string, u64> symbols_;
  std::map<std::string, std::unique_ptr<Kernel>> kernels_;
};

/// A __global__ function as the host sees it.
struct HostFunction {
  Image* image = nullptr;
  std::string symbol;
  u64 dynamic_shared_limit = 48 << 10;  ///< cudaFuncSetAttribute raises it
};

/// What __cudaRegister... told. Guarded by the runtime's mutex.
struct Registry {
  static Registry& get();
  std::map<void const*, HostFunction> functions;
  std::map<void const*, std::pair<Image*, std::string>> variables;
};

}  // namespace emulator
