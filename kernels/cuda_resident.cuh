#pragma once

#include <cstdint>

#include "engine/records.hpp"
#include "kernels/cuda_context.cuh"

namespace jetcal::cuda {

/// Jets that stay in the device's memory, their records one behind the other.
class ResidentJets {
 public:
  ResidentJets() = default;

  /// Copies them there; done when it returns. Errors: DeviceError if they do not fit.
  ResidentJets(Context& context, RecordsView const& jets);

  static std::int64_t bytes(RecordsView const& jets) { return jets.rows * jets.form.bytes(); }

  bool empty() const { return records_.size() == 0; }
  RecordForm const& form() const { return form_; }
  std::uint32_t const* records() const {
    return reinterpret_cast<std::uint32_t const*>(records_.data());
  }

 private:
  RecordForm form_;
  Buffer records_;
};

}  // namespace jetcal::cuda
