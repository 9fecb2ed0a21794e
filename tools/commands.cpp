#include "tools/commands.hpp"

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
  command.add_option("--precision", precision, "of the matrix products")
      ->capture_default_str()
      ->check(CLI::IsMember({"fp32", "tf32", "bf16"}));
  command.add_option("--isa", isa, "instruction set of the kernels; JETCAL_ISA sets the default")
      ->capture_default_str()
      ->check(CLI::IsMember({"auto", "scalar", "avx2", "avx512", "neon"}));
  command.add_option("--dense-kernels", dense_kernels, "whose matrix products")
      ->capture_default_str()
      ->check(CLI::IsMember({"own", "onednn", "cublas", "auto"}));
}

int ComputeOptions::thread_count() const { return threads > 0 ? threads : available_threads(); }

ExecutionOptions ComputeOptions::apply(std::int64_t lanes) const {
  set_isa(isa);
  ExecutionOptions options;
  options.device = Device::parse(device);
  options.threads = thread_count();
  options.lanes = lanes;
  options.precision = parse_precision(precision);
  JETCAL_REQUIRE(options.precision == Precision::fp32 || options.device.kind == Device::Kind::cpu,
                 DeviceError,
                 "--precision: device " << device << " computes in fp32 only (asked for "
                                        << precision << "). Use --precision fp32");
  JETCAL_REQUIRE(dense_kernels != "cublas", DeviceError,
                 "--dense-kernels: this version has no products of cublas (must be own, on any "
                 "device, or onednn, on the CPU). Use own");
  options.dense_kernels = dense_kernels == "onednn" ? DenseKernels::onednn : DenseKernels::own;
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
