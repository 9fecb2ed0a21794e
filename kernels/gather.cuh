#pragma once

#include <cuda_runtime_api.h>

#include "engine/matrix.hpp"
#include "engine/records.hpp"

namespace jetcal::cuda {

/// The jets of a batch on the device, as data::Batch has them on the host.
struct GatheredRows {
  Mat features;                  ///< [rows, n_features], ld = padded(n_features); the padding is 0
  float* targets = nullptr;      ///< [rows, 2]
  float* weights = nullptr;      ///< [rows]; 1 where the records have none
  std::int32_t* bins = nullptr;  ///< [rows]
};

/// Copies the jets at positions first .. first + out.features.rows - 1 of `order` out of `records`:
/// the bits that the host's loader hands out, without an array of indices. Enqueues on `stream`.
///
/// Shapes    records [.., form.words()], out as in GatheredRows; no rows are allowed
/// Errors    ShapeError if the positions are not all in the order or the shapes do not fit,
///           DeviceError if the launch fails
void gather(cudaStream_t stream, std::uint32_t const* records, RecordForm const& form,
            RecordOrder const& order, std::int64_t first, GatheredRows const& out);

}  // namespace jetcal::cuda
