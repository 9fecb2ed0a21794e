#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "data/batch.hpp"
#include "data/config.hpp"
#include "data/jet_columns.hpp"

namespace jetcal::data {

/// What one jet looks like in memory: consecutive 32-bit words, so that fetching a jet at random
/// touches two or three cache lines. Features, two responses, the weight if there is one, the bin,
/// the row number in two words.
struct RecordForm {
  std::int64_t features = 0;
  bool weighted = false;

  std::int64_t words() const { return features + 2 + (weighted ? 1 : 0) + 1 + 2; }
  std::int64_t bytes() const { return words() * 4; }
};

/// An array of such jets. Memory is taken when it is first written.
class Records {
 public:
  Records() = default;

  /// Errors    ConfigError if the system does not give the memory
  Records(RecordForm form, std::int64_t capacity);

  RecordForm form() const { return form_; }
  std::int64_t capacity() const { return capacity_; }

  /// Copies the jets `chosen` (indices into `jets`) to the places first, first + step, ...; with a
  /// normalisation, normalised.
  void pack(JetColumns const& jets, std::vector<std::int32_t> const& chosen,
            Normalisation const* normalisation, std::int64_t first, std::int64_t step);

  /// Copies the jet at `place` to row `row` of a batch, which has the size for it.
  void unpack(std::int64_t place, Batch& batch, std::int64_t row) const;

  /// Asks for the memory of a jet ahead of its use.
  void prefetch(std::int64_t place) const;

  /// Values of a feature, or the weights (1 if there are none), of `n` jets from `first` on.
  void copy_feature(std::int64_t feature, std::int64_t first, std::int64_t n, float* out) const;
  void copy_weights(std::int64_t first, std::int64_t n, float* out) const;

  /// Normalises the jets first .. first + n - 1, which are not yet.
  void normalise(Normalisation const& normalisation, std::int64_t first, std::int64_t n);

 private:
  std::uint32_t* at(std::int64_t place) { return words_.get() + place * form_.words(); }
  std::uint32_t const* at(std::int64_t place) const { return words_.get() + place * form_.words(); }

  struct Free {
    void operator()(std::uint32_t* words) const;
  };
  RecordForm form_;
  std::int64_t capacity_ = 0;
  std::unique_ptr<std::uint32_t[], Free> words_;
};

}  // namespace jetcal::data
