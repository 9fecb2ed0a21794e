#include "kernels/gather.cuh"

#include "kernels/launch.cuh"
#include "kernels/strands.cuh"

namespace jetcal::cuda {
namespace {

// A warp owns 32 rows. Each thread finds the record of one of them; then the warp copies the
// features of one row after the other (neighbouring words by neighbouring threads, both ways), and
// each thread the rest of its own record, whose sectors are at hand by then.
constexpr int kWarp = 32;

__global__ void gather_kernel(std::uint32_t const* __restrict__ records, RecordForm form,
                              __grid_constant__ RecordOrder const order, std::int64_t first,
                              GatheredRows out) {
  std::int64_t const rows = out.features.rows, ld = out.features.ld;
  auto* const features = reinterpret_cast<std::uint32_t*>(out.features.data);
  int const thread = static_cast<int>(threadIdx.x) % kWarp;
  for (std::int64_t start = first_index() - thread; start < rows; start += index_stride()) {
    std::int64_t const row = start + thread;
    std::int64_t const place = row < rows ? order.place(first + row) : 0;
#pragma unroll 8
    for (int i = 0; i < kWarp; ++i) {
      std::uint32_t const* const record =
          records + __shfl_sync(kWholeWarp, place, i) * form.words();
      for (std::int64_t c = thread; c < ld && start + i < rows; c += kWarp) {
        features[(start + i) * ld + c] = c < form.features ? record[c] : 0;
      }
    }
    if (row < rows) {
      std::uint32_t const* const record = records + place * form.words();
      out.targets[2 * row] = __uint_as_float(record[form.target_at()]);
      out.targets[2 * row + 1] = __uint_as_float(record[form.target_at() + 1]);
      out.weights[row] = form.weighted ? __uint_as_float(record[form.weight_at()]) : 1.0f;
      out.bins[row] = static_cast<std::int32_t>(record[form.bin_at()]);
    }
  }
}

}  // namespace

void gather(cudaStream_t stream, std::uint32_t const* records, RecordForm const& form,
            RecordOrder const& order, std::int64_t first, GatheredRows const& out) {
  Mat const& x = out.features;
  JETCAL_REQUIRE(first >= 0 && first + x.rows <= order.rows, ShapeError,
                 "gather: positions " << first << " to " << first + x.rows - 1
                                      << " (must lie in the " << order.rows << " of the order)");
  JETCAL_REQUIRE(x.cols == form.features && x.ld == padded(x.cols), ShapeError,
                 "gather: features are [" << x.rows << ", " << x.cols << "], rows " << x.ld
                                          << " floats apart (must have " << form.features
                                          << " columns, padded)");
  launch({"gather", x.rows, form.words(), x.cols}, gather_kernel, grid_of(x.rows), stream, records,
         form, order, first, out);
}

}  // namespace jetcal::cuda
