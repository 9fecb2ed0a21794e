#include "tools/commands.hpp"

#include <cstdio>

#include "engine/errors.hpp"
#include "engine/isa.hpp"
#include "engine/threads.hpp"

namespace jetcal::tools {
namespace {

// CLI11 reports the text as an error of the command line.
std::string device_word(std::string const& word) {
  try {
    Device::parse(word);
  } catch (ConfigError const& e) { return e.what(); }
  return {};
}

}  // namespace

void ComputeOptions::add_to(CLI::App& command) {
  command.add_option("--device", device, "cpu or cuda:N")
      ->capture_default_str()
      ->check(CLI::Validator(device_word, "DEVICE"));
  command.add_option("--threads", threads, "worker threads (default: all processors)")
      ->check(CLI::Range(1, 1024));
  command.add_option("--precision", precision, "of the matrix products; tf32 on CUDA devices only")
      ->capture_default_str()
      ->check(CLI::IsMember({"fp32", "tf32", "bf16"}));
  command.add_option("--isa", isa, "instruction set of the kernels; JETCAL_ISA sets the default")
      ->capture_default_str()
      ->check(CLI::IsMember({"auto", "scalar", "avx2", "avx512", "neon"}));
  command
      .add_option("--dense-kernels", dense_kernels,
                  "whose matrix products: onednn on the CPU, cublas on CUDA; auto: the faster, "
                  "which on a CPU is onednn for bf16 with AMX (--version says), else own")
      ->capture_default_str()
      ->check(CLI::IsMember({"own", "onednn", "cublas", "auto"}));
  command
      .add_option("--softmax-kernels", softmax_kernels,
                  "whose softmax: cudnn on CUDA, auto: the faster")
      ->capture_default_str()
      ->check(CLI::IsMember({"own", "cudnn", "auto"}));
}

int ComputeOptions::thread_count() const { return threads > 0 ? threads : available_threads(); }

ExecutionOptions ComputeOptions::apply(std::int64_t lanes) const {
  set_isa(isa);
  ExecutionOptions options;
  options.device = Device::parse(device);
  options.threads = thread_count();
  options.lanes = lanes;
  options.precision = parse_precision(precision);
  options.note = [](std::string const& remark) {
    std::fprintf(stderr, "jetcal: %s\n", remark.c_str());
  };
  options.dense_kernels = parse_dense_kernels(dense_kernels);
  options.softmax_kernels = parse_softmax_kernels(softmax_kernels);
  if (options.device.kind == Device::Kind::cpu) {
    if (options.dense_kernels == DenseKernels::automatic) {
      options.dense_kernels = fastest_dense_kernels(options.precision);
      if (options.dense_kernels == DenseKernels::onednn) {
        options.note("--dense-kernels auto: oneDNN's products, which use AMX");
      }
    }
    if (options.softmax_kernels == SoftmaxKernels::automatic) {  // there is nothing to choose from
      options.softmax_kernels = SoftmaxKernels::own;
    }
  }
  return options;
}

void add_jets_option(CLI::App& command, std::string& jets) {
  command
      .add_option("--jets", jets,
                  "which jets, by the model's stored rule: those it was trained on or not")
      ->capture_default_str()
      ->check(CLI::IsMember({"all", "held-out", "training"}));
}

}  // namespace jetcal::tools
