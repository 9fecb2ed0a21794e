#include "data/sources.hpp"

#include <algorithm>
#include <array>
#include <numeric>

#include "data/parallel.hpp"

namespace jetcal::data {
namespace {

/// Copies the jets at positions first .. first + count - 1 of an order to the rows from `row` on.
/// The places of a group are asked for before the first is used: memory answers many questions in
/// the time of one.
void gather(Records const& records, RecordOrder const& order, std::int64_t first,
            std::int64_t count, Batch& batch, std::int64_t row) {
  constexpr std::int64_t kGroup = 64;
  std::array<std::uint64_t, kGroup> positions;
  for (std::int64_t start = 0; start < count; start += kGroup) {
    auto const n = static_cast<std::size_t>(std::min(kGroup, count - start));
    auto const from = static_cast<std::uint64_t>(first + start);
    if (order.permuted()) {
      order.permutation.run(from, n, positions.data());
    } else {
      std::iota(positions.begin(), positions.end(), from);
    }
    auto const place = [&](std::size_t i) {
      return order.origin + static_cast<std::int64_t>(positions[i]);
    };
    for (std::size_t i = 0; i < n; ++i) { records.prefetch(place(i)); }
    for (std::size_t i = 0; i < n; ++i) {
      records.unpack(place(i), batch, row + start + static_cast<std::int64_t>(i));
    }
  }
}

}  // namespace

void ResidentSource::fill(std::int64_t first, std::int64_t count, Batch& batch) {
  gather(records_, order_, first, count, batch, 0);
}

StreamingSource::StreamingSource(Context const& context, WindowOrder order)
    : context_(context),
      order_(std::move(order)),
      current_(&context.windows->front()),
      next_(&context.windows->back()),
      scratch_(static_cast<std::size_t>(std::max(context.threads, 1))) {
  std::int64_t largest = 0;
  for (std::int64_t w = 0; w < order_.windows(); ++w) {
    largest = std::max(largest, order_.rows(w));
  }
  auto const reserve = [&](Records& window) {
    if (window.capacity() >= largest) { return; }
    window = Records();  // first gives back what it has
    window = Records(context.form, largest);
  };
  reserve(*current_);
  if (order_.windows() > 1) { reserve(*next_); }
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
    gather(*current_, in_window_, start, n, batch, done);
    done += n;
  }
}

void StreamingSource::advance_to(std::int64_t window) {
  if (window == window_) { return; }
  if (loading_.valid()) {
    loading_.get();  // windows come one after the other: this is the one
    std::swap(current_, next_);
  } else {
    load(window, *current_);
  }
  window_ = window;
  in_window_ = {0, order_.rows(window), order_.permutation(window).value_or(Permutation())};
  if (window + 1 < order_.windows()) {
    loading_ = std::async(std::launch::async, [this, window] { load(window + 1, *next_); });
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
