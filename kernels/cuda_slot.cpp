#include "kernels/cuda_slot.cuh"

#include <algorithm>
#include <cstring>

#include "kernels/gather.cuh"
#include "kernels/launch_checks.cuh"

namespace jetcal::cuda {
namespace {

constexpr std::size_t kConstantBytes = Slot::kConstantFloats * sizeof(float);
static_assert(sizeof(UpdateConstants) <= kConstantBytes && sizeof(Results) <= kConstantBytes);

std::size_t bytes(std::int64_t floats) { return static_cast<std::size_t>(floats) * sizeof(float); }

/// The old memory goes before the new is asked for. True if it did.
bool grow(Pinned& memory, std::size_t& size, std::size_t wanted) {
  if (size >= wanted) { return false; }
  memory.reset();
  size = 0;
  memory = make_pinned(wanted);
  size = wanted;
  return true;
}

/// Rows of `padded(from.cols)` floats.
void copy_padded(ConstMat from, float* to) {
  std::int64_t const ld = padded(from.cols);
  if (from.ld == ld) {
    std::copy_n(from.data, from.rows * ld, to);
    return;
  }
  for (std::int64_t r = 0; r < from.rows; ++r, to += ld) {
    std::fill(std::copy_n(from.row(r), from.cols, to), to + ld, 0.0f);
  }
}

}  // namespace

bool Slot::reserve_pinned(BatchShape const& shape, bool of_host, std::size_t heads_by_row) {
  std::int64_t const floats = of_host ? shape.input_floats() : 0;
  bool const input = grow(input_, input_bytes_, kConstantBytes + bytes(floats));
  std::size_t const back = heads_by_row * 2 * bytes(shape.rows) + bytes(shape.output_floats());
  return grow(output_, output_bytes_, kConstantBytes + back) || input;
}

void Slot::upload(HostBatch const& batch, UpdateConstants const& constants, cudaStream_t copies,
                  cudaStream_t stream) {
  BatchShape const shape{batch.features.rows, batch.features.cols, batch.targets.cols};
  std::memcpy(input_.get(), &constants, sizeof constants);
  auto* const features = reinterpret_cast<float*>(input_.get() + kConstantBytes);
  copy_padded(batch.features, features);
  float* to = features + shape.rows * padded(shape.features);
  for (std::int64_t r = 0; r < batch.targets.rows; ++r) {
    to = std::copy_n(batch.targets.row(r), shape.targets, to);
  }
  if (batch.weights != nullptr) { std::copy_n(batch.weights, shape.rows, to); }
  if (batch.bins != nullptr) { std::memcpy(to + shape.rows, batch.bins, bytes(shape.rows)); }
  require_success(
      cudaMemcpyAsync(device.data(), input_.get(), kConstantBytes + bytes(shape.input_floats()),
                      cudaMemcpyHostToDevice, copies),
      "a copy of a batch to the device");
  follow(copies, uploaded_, stream);
}

void Slot::gather(ResidentJets const& jets, ResidentBatch const& batch,
                  UpdateConstants const& constants, cudaStream_t copies, cudaStream_t stream) {
  std::memcpy(input_.get(), &constants, sizeof constants);
  require_success(
      cudaMemcpyAsync(device.data(), input_.get(), kConstantBytes, cudaMemcpyHostToDevice, copies),
      "a copy of an update's constants to the device");
  DeviceBatch const to = on_device({batch.rows, jets.form().features, kRecordTargets});
  cuda::gather(copies, jets.records(), jets.form(), batch.order, batch.first,
               {to.features, to.targets.data, to.weights.data, to.bins});
  follow(copies, uploaded_, stream);
}

DeviceBatch Slot::on_device(BatchShape const& shape) {
  DeviceBatch batch;
  batch.constants = reinterpret_cast<UpdateConstants const*>(device.data());
  float* const features = device.data() + kConstantFloats;
  batch.features = {features, shape.rows, shape.features, padded(shape.features)};
  float* const targets = features + shape.rows * padded(shape.features);
  batch.targets = {targets, shape.rows, shape.targets, shape.targets};
  float* const weights = targets + shape.rows * shape.targets;
  batch.weights = {weights, shape.rows, 1, 1};
  batch.bins = reinterpret_cast<std::int32_t*>(weights + shape.rows);
  batch.outputs = features + shape.input_floats();
  return batch;
}

float* Slot::rows_of(std::size_t head, std::int64_t rows) const {
  return reinterpret_cast<float*>(output_.get() + kConstantBytes + head * 2 * bytes(rows));
}

void Slot::download_rows(std::size_t head, float const* row_loss, std::int64_t rows,
                         cudaStream_t stream) {
  require_success(cudaMemcpyAsync(rows_of(head, rows), row_loss, 2 * bytes(rows),
                                  cudaMemcpyDeviceToHost, stream),
                  "a copy of losses from the device");
}

void Slot::download(Results const* results, cudaStream_t stream) {
  require_success(
      cudaMemcpyAsync(output_.get(), results, sizeof *results, cudaMemcpyDeviceToHost, stream),
      "a copy of results from the device");
}

void Slot::download(std::vector<ConstMat> const& outputs, BatchShape const& shape,
                    cudaStream_t stream, cudaStream_t copies) {
  float* const packed = on_device(shape).outputs;
  float* to = packed;
  for (ConstMat const& m : outputs) {
    require_success(
        cudaMemcpy2DAsync(to, bytes(m.cols), m.data, bytes(m.ld), bytes(m.cols),
                          static_cast<std::size_t>(m.rows), cudaMemcpyDeviceToDevice, stream),
        "a copy of predictions within the device");
    to += m.rows * m.cols;
  }
  follow(stream, packed_, copies);
  require_success(cudaMemcpyAsync(output_.get() + kConstantBytes, packed,
                                  bytes(shape.output_floats()), cudaMemcpyDeviceToHost, copies),
                  "a copy of predictions from the device");
  require_success(cudaEventRecord(done.get(), copies), "cudaEventRecord");
}

void Slot::read(std::vector<Mat> const& outputs) const {
  auto const* from = reinterpret_cast<float const*>(output_.get() + kConstantBytes);
  for (Mat const& m : outputs) {
    for (std::int64_t r = 0; r < m.rows; ++r, from += m.cols) {
      std::copy_n(from, m.cols, m.row(r));
    }
  }
}

void Slot::read(std::size_t heads, PassResult& result) const {
  Results found;
  std::memcpy(&found, output_.get(), sizeof found);
  result.weight = found.totals[0];
  result.norm = found.norm;
  result.heads.assign(heads, {});
  for (std::size_t h = 0; h < heads; ++h) {
    result.heads[h].loss = found.totals[1 + 2 * h];
    result.heads[h].kept = found.totals[2 + 2 * h];
  }
}

void Slot::read_rows(std::int64_t rows, PassResult& result) const {
  for (std::size_t h = 0; h < result.heads.size(); ++h) {
    float const* const losses = rows_of(h, rows);
    result.heads[h].row_loss.assign(losses, losses + rows);
    result.heads[h].row_kept.assign(losses + rows, losses + 2 * rows);
  }
}

}  // namespace jetcal::cuda
