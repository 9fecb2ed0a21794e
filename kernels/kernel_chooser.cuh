#pragma once

#include <optional>

#include "kernels/execution.hpp"
#include "kernels/kernel_cache.hpp"
#include "kernels/vendor_kernels.cuh"

namespace jetcal::cuda {

/// Whose kernels a device's passes run with: as --dense-kernels and --softmax-kernels say and,
/// where they say `auto`, whosever are faster at an op's shape. Those a run has chosen before stay;
/// then counts what the user's cache knows of this card, driver and libraries; the rest is
/// measured.
class KernelChooser {
 public:
  /// Opens the libraries that are needed. Errors: DeviceError if one is missing that was asked for
  /// by name or chosen by the run before; with `auto` alone, a remark, and our kernels are taken.
  KernelChooser(Context& context, ExecutionOptions const& options);

  /// Decides for all ops of `tape` at so many rows. May run kernels and wait for them: not while a
  /// graph is being captured.
  void decide(Tape const& tape, std::int64_t rows);

  VendorKernels kernels() const;

  /// What was decided between ours and others; empty without `auto`.
  KernelChoices const& choices() const { return choices_; }

  /// Bytes of the device's memory that are in use.
  std::int64_t memory() const;

 private:
  void decide(KernelShape const& shape, std::string_view vendor);
  MeasuredKernels measure(KernelShape const& shape, std::string_view vendor);
  std::string card() const;

  Context& context_;
  ExecutionOptions options_;
  std::optional<Cublas> cublas_;
  std::optional<Cudnn> cudnn_;
  std::optional<KernelCache> cache_;  // with `auto`
  std::map<KernelShape, bool> wanted_;
  KernelChoices choices_;
};

}  // namespace jetcal::cuda
