// The corpus: small kernels with one mistake each, and their corrected twins.
#pragma once

#include <cuda_runtime.h>

#include <string>
#include <vector>

namespace programs {

struct Mistake {
  char const* name;
  char const* finding;  ///< what the emulator must report, as it begins: "out of bounds", ...
  void (*run)(bool wrong);
  /// What it may report besides: a consequence that depends on who comes first.
  std::vector<char const*> also = {};
};

std::vector<Mistake> memory_mistakes();           // corpus_memory.cu
std::vector<Mistake> synchronisation_mistakes();  // corpus_synchronisation.cu
std::vector<Mistake> race_mistakes();             // corpus_races.cu
std::vector<Mistake> async_mistakes();            // corpus_async.cu

/// Where in corpus_memory.cu the first of the memory mistakes shows.
int line_of_the_read();

/// Device memory for one case: freed at its end, zero unless said otherwise.
template <class T>
class Scratch {
 public:
  explicit Scratch(std::size_t n, bool zeroed = true) {
    cudaMalloc(&data_, n * sizeof(T));
    if (zeroed) { cudaMemset(data_, 0, n * sizeof(T)); }
  }
  Scratch(Scratch const&) = delete;
  Scratch& operator=(Scratch const&) = delete;
  ~Scratch() { cudaFree(data_); }
  T* get() const { return static_cast<T*>(data_); }

 private:
  void* data_ = nullptr;
};

}  // namespace programs
