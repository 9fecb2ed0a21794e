#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "data/batch.hpp"
#include "data/config.hpp"
#include "data/jet_columns.hpp"
#include "engine/records.hpp"

namespace jetcal::data {

/// An array of jets: records, each followed by its row number in two words. Memory is taken when it
/// is first written.
class Records {
 public:
  Records() = default;

  /// Errors    ConfigError if the system does not give the memory
  Records(RecordForm form, std::int64_t capacity);

  std::int64_t capacity() const { return capacity_; }

  /// Memory of a jet.
  static std::int64_t bytes(RecordForm const& form) { return form.bytes() + 4 * kRowNumberWords; }

  /// Copies the jets `chosen` (indices into `jets`) to the places first, first + step, ...; with a
  /// normalisation, normalised.
  void pack(JetColumns const& jets, std::vector<std::int32_t> const& chosen,
            Normalisation const* normalisation, std::int64_t first, std::int64_t step);

  /// Copies the jet at `place` to row `row` of a batch, which has the size for it.
  void unpack(std::int64_t place, Batch& batch, std::int64_t row) const;

  std::int64_t row_number(std::int64_t place) const;

  /// The first `rows` of them, without their row numbers.
  RecordsView view(std::int64_t rows) const { return {form_, at(0), rows, stride()}; }

  /// Asks for the memory of a jet ahead of its use.
  void prefetch(std::int64_t place) const;

  /// Moves the jets at last, last - 1, ... to the places first, first + 1, ..., which do not lie
  /// beyond them.
  void turn(std::int64_t last, std::int64_t n, std::int64_t first);

  /// Values of a feature, or the weights (1 if there are none), of `n` jets from `first` on.
  void copy_feature(std::int64_t feature, std::int64_t first, std::int64_t n, float* out) const;
  void copy_weights(std::int64_t first, std::int64_t n, float* out) const;

  /// Normalises the jets first .. first + n - 1, which are not yet.
  void normalise(Normalisation const& normalisation, std::int64_t first, std::int64_t n);

 private:
  static constexpr std::int64_t kRowNumberWords = 2;

  std::int64_t stride() const { return form_.words() + kRowNumberWords; }
  std::uint32_t* at(std::int64_t place) { return words_.get() + place * stride(); }
  std::uint32_t const* at(std::int64_t place) const { return words_.get() + place * stride(); }

  struct Free {
    void operator()(std::uint32_t* words) const;
  };
  RecordForm form_;
  std::int64_t capacity_ = 0;
  std::unique_ptr<std::uint32_t[], Free> words_;
};

}  // namespace jetcal::data
