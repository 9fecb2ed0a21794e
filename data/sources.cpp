#include "data/sources.hpp"

#include <algorithm>
#include <array>

#include "data/parallel.hpp"

namespace jetcal::data {
namespace {

/// Copies the jets place_of(0), place_of(1), ... to rows row, row + 1, ... The places of a group
/// are asked for before the first is used: memory answers many questions in the time of one.
template <class PlaceOf>
void gather(Records const& records, std::int64_t count, PlaceOf place_of, Batch& batch,
            std::int64_t row) {
  constexpr std::int64_t kGroup = 32;
  std::array<std::int64_t, kGroup> places;
  for (std::int64_t start = 0; start < count; start += kGroup) {
    auto const n = static_cast<std::size_t>(std::min(kGroup, count - start));
    for (std::size_t i = 0; i < n; ++i) {
      places[i] = place_of(start + static_cast<std::int64_t>(i));
      records.prefetch(places[i]);
    }
    for (std::size_t i = 0; i < n; ++i) {
      records.unpack(places[i], batch, row + start + static_cast<std::int64_t>(i));
    }
  }
}

std::int64_t permuted(std::optional<Permutation> const& permutation, std::int64_t position) {
  if (!permutation) { return position; }
  return static_cast<std::int64_t>((*permutation)(static_cast<std::uint64_t>(position)));
}

}  // namespace

void ResidentSource::fill(std::int64_t first, std::int64_t count, Batch& batch) {
  auto const place_of = [&](std::int64_t i) {
    return first_ + step_ * permuted(permutation_, first + i);
  };
  gather(records_, count, place_of, batch, 0);
}

StreamingSource::StreamingSource(Context const& context, WindowOrder order)
    : context_(context),
      order_(std::move(order)),
      scratch_(static_cast<std::size_t>(std::max(context.threads, 1))) {
  std::int64_t largest = 0;
  for (std::int64_t w = 0; w < order_.windows(); ++w) {
    largest = std::max(largest, order_.rows(w));
  }
  current_ = Records(context.form, largest);
  if (order_.windows() > 1) { next_ = Records(context.form, largest); }
}

StreamingSource::~StreamingSource() {
  cancelled_ = true;
  if (loading_.valid()) { loading_.wait(); }
}

void StreamingSource::fill(std::int64_t first, std::int64_t count, Batch& batch) {
  for (std::int64_t done = 0; done < count && !cancelled_;) {
    advance_to(order_.window_of(first + done));
    std::int64_t const start = first + done - order_.first_row(window_);
    std::int64_t const n = std::min(count - done, order_.rows(window_) - start);
    auto const place_of = [&](std::int64_t i) { return permuted(permutation_, start + i); };
    gather(current_, n, place_of, batch, done);
    done += n;
  }
}

void StreamingSource::advance_to(std::int64_t window) {
  if (window == window_) { return; }
  if (loading_.valid()) {
    loading_.get();  // windows come one after the other: this is the one
    std::swap(current_, next_);
  } else {
    load(window, current_);
  }
  window_ = window;
  permutation_ = order_.permutation(window);
  if (window + 1 < order_.windows()) {
    loading_ = std::async(std::launch::async, [this, window] { load(window + 1, next_); });
  }
}

void StreamingSource::load(std::int64_t window, Records& out) {
  auto const blocks = order_.blocks(window);
  auto const rows_of = [&](std::int64_t block) {
    return (*context_.rows_of_block)[static_cast<std::size_t>(block)];
  };
  std::vector<std::int64_t> first_places{0};
  for (std::int64_t const block : blocks) {
    first_places.push_back(first_places.back() + rows_of(block));
  }

  for_each_parallel(
      static_cast<std::int64_t>(blocks.size()), context_.threads, [&](std::int64_t i, int thread) {
        if (cancelled_) { return; }
        std::int64_t const block = blocks[static_cast<std::size_t>(i)];
        JetColumns& jets = scratch_[static_cast<std::size_t>(thread)];
        context_.reader->read(block, jets);
        auto const chosen = rows_with(jets, context_.side);
        JETCAL_REQUIRE(static_cast<std::int64_t>(chosen.size()) == rows_of(block), DataError,
                       context_.reader->where(jets.first_row)
                           << " and after: " << chosen.size() << " jets where there were "
                           << rows_of(block)
                           << ". The file was changed while it was read: start again");
        out.pack(jets, chosen, context_.normalisation, first_places[static_cast<std::size_t>(i)],
                 1);
      });
}

}  // namespace jetcal::data
