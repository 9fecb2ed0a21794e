#include "kernels/cuda_resident.cuh"

#include <algorithm>
#include <vector>

namespace jetcal::cuda {
namespace {

// Copied at a time: 6 MiB of the paper's jets.
constexpr std::int64_t kPieceRows = 65'536;

}  // namespace

ResidentJets::ResidentJets(Context& context, RecordsView const& jets)
    : form_(jets.form), records_(context, jets.rows * jets.form.words()) {
  std::int64_t const words = form_.words();
  std::vector<std::uint32_t> piece;
  for (std::int64_t first = 0; first < jets.rows; first += kPieceRows) {
    piece.clear();
    for (std::int64_t r = first; r < std::min(jets.rows, first + kPieceRows); ++r) {
      std::uint32_t const* const record = jets.words + r * jets.stride;
      piece.insert(piece.end(), record, record + words);
    }
    context.start_upload(piece.data(), records_.data() + first * words,
                         piece.size() * sizeof piece[0]);
    context.synchronize();
  }
}

}  // namespace jetcal::cuda
