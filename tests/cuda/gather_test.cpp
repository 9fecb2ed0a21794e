#include "kernels/gather.cuh"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "data/loader.hpp"
#include "tests/catch.hpp"
#include "tests/cuda/device_matrix.hpp"
#include "tests/data/toy_setup.hpp"
#include "tests/error_text.hpp"

namespace jetcal::test {
namespace {

using namespace jetcal::data::test;

/// Words in device memory.
class DeviceWords {
 public:
  explicit DeviceWords(std::vector<std::uint32_t> const& words) : memory_(words.size()) {
    context().start_upload(words.data(), memory_.data(), 4 * words.size());
    context().synchronize();
  }
  std::uint32_t const* data() { return memory_.data(); }

 private:
  DeviceNumbers<std::uint32_t> memory_;
};

/// A batch gathered on the device, with guard bands behind every array.
data::Batch gathered(std::uint32_t const* records, RecordForm const& form, RecordOrder const& order,
                     std::int64_t first, std::int64_t rows) {
  auto const n = static_cast<std::size_t>(rows);
  std::int64_t const ld = padded(form.features);
  DeviceArray features(std::vector<float>(n * static_cast<std::size_t>(ld), kGuard));
  DeviceArray targets(std::vector<float>(2 * n, kGuard)), weights(std::vector<float>(n, kGuard)),
      bins(std::vector<float>(n, kGuard));
  cuda::gather(stream(), records, form, order, first,
               {{features.data(), rows, form.features, ld},
                targets.data(),
                weights.data(),
                reinterpret_cast<std::int32_t*>(bins.data())});
  data::Batch batch;
  batch.rows = rows;
  batch.features = features.values();
  batch.targets = targets.values();
  batch.weights = weights.values();
  for (float const bits : bins.values()) {
    batch.bins.push_back(std::bit_cast<std::int32_t>(bits));
  }
  CHECK((features.well_kept() && targets.well_kept() && weights.well_kept() && bins.well_kept()));
  return batch;
}

/// Record `place` has the words 1000 place + 0, 1, 2, ... as bits of a float or an integer.
std::vector<std::uint32_t> numbered_records(RecordForm const& form, std::int64_t n) {
  std::vector<std::uint32_t> words;
  for (std::int64_t place = 0; place < n; ++place) {
    for (std::int64_t w = 0; w < form.words(); ++w) {
      words.push_back(static_cast<std::uint32_t>(1000 * place + w));
    }
  }
  return words;
}

std::uint32_t bits(float v) { return std::bit_cast<std::uint32_t>(v); }

/// How many values of a batch are not those of the records at `places`.
std::int64_t wrong_values(data::Batch const& batch, RecordForm const& form,
                          std::vector<std::int64_t> const& places) {
  auto const n = static_cast<std::size_t>(form.features);
  auto const ld = static_cast<std::size_t>(padded(form.features));
  std::int64_t wrong = 0;
  for (std::size_t r = 0; r < places.size(); ++r) {
    auto word = static_cast<std::uint32_t>(1000 * places[r]);
    for (std::size_t c = 0; c < ld; ++c) {
      wrong += bits(batch.features[r * ld + c]) != (c < n ? word++ : 0);
    }
    wrong += bits(batch.targets[2 * r]) != word++;
    wrong += bits(batch.targets[2 * r + 1]) != word++;
    wrong += bits(batch.weights[r]) != (form.weighted ? word++ : bits(1.0f));
    wrong += batch.bins[r] != static_cast<std::int32_t>(word);
  }
  return wrong;
}

TEST_CASE("cuda gathers the records of an order, whatever the sizes", "[cuda][gather]") {
  std::int64_t const kRecords = 1100;
  for (std::int64_t const features : {1, 15, 16, 21, 40}) {
    for (bool const weighted : {false, true}) {
      RecordForm const form{features, weighted};
      DeviceWords records(numbered_records(form, kRecords));
      for (std::int64_t const rows : {1, 31, 32, 33, 1000}) {
        if (rows == 1000 && features != 21) { continue; }
        CAPTURE(features, weighted, rows);
        Permutation const permutation(1000, RandomStream(seed_of("gather", rows), Purpose::test));
        for (std::int64_t const first : {std::int64_t{0}, 1000 - rows}) {
          std::vector<std::int64_t> permuted, in_order;
          for (std::int64_t p = first; p < first + rows; ++p) {
            in_order.push_back(100 + p);
            permuted.push_back(
                100 + static_cast<std::int64_t>(permutation(static_cast<std::uint64_t>(p))));
          }
          CHECK(wrong_values(gathered(records.data(), form, {100, 1000, permutation}, first, rows),
                             form, permuted) == 0);
          CHECK(wrong_values(gathered(records.data(), form, {100, 1000, {}}, first, rows), form,
                             in_order) == 0);
        }
      }
    }
  }
}

TEST_CASE("cuda finds a permuted place beyond 2^32 as the CPU does", "[cuda][gather]") {
  RecordForm const form{3, false};
  DeviceWords records(numbered_records(form, 1));
  int beyond = 0;
  for (std::uint64_t const n : {std::uint64_t{1} << 32, (std::uint64_t{1} << 32) + 1,
                                std::uint64_t{3} << 33, (std::uint64_t{1} << 40) + 12345}) {
    Permutation const permutation(n, RandomStream(seed_of("far"), Purpose::test));
    for (std::uint64_t const position : {std::uint64_t{0}, std::uint64_t{77}, n / 3, n - 1}) {
      CAPTURE(n, position);
      // The record that the position leads to is the only one there is, and lies 2^33 records
      // behind where they begin: any other place is outside the device's memory.
      auto const place = static_cast<std::int64_t>(permutation(position));
      beyond += place > 0xffffffff ? 1 : 0;
      std::int64_t const far = std::int64_t{1} << 33;
      auto const begin = reinterpret_cast<std::uintptr_t>(records.data()) -
                         static_cast<std::uintptr_t>(far * form.bytes());
      RecordOrder const order{far - place, static_cast<std::int64_t>(n), permutation};
      auto const first = static_cast<std::int64_t>(position);
      CHECK(wrong_values(
                gathered(reinterpret_cast<std::uint32_t const*>(begin), form, order, first, 1),
                form, {0}) == 0);
    }
  }
  CHECK(beyond >= 5);
}

TEST_CASE("cuda gathers nothing, and no more than there is", "[cuda][gather]") {
  RecordForm const form{3, true};
  DeviceWords records(numbered_records(form, 10));
  CHECK(gathered(records.data(), form, {0, 10, {}}, 10, 0).rows == 0);
  CHECK(gathered(records.data(), form, {0, 0, {}}, 0, 0).rows == 0);
  struct {
    std::int64_t first, rows, columns;
    char const* says;
  } const kWrong[] = {{5, 6, 3, "positions 5 to 10 (must lie in the 10"},
                      {-1, 2, 3, "positions -1 to 0"},
                      {0, 2, 4, "must have 3 columns, padded"}};
  for (auto const& wrong : kWrong) {
    std::string const text = error_text<ShapeError>([&] {
      cuda::gather(stream(), records.data(), form, {0, 10, {}}, wrong.first,
                   {{nullptr, wrong.rows, wrong.columns, 16}, nullptr, nullptr, nullptr});
    });
    CHECK(has(text, wrong.says));
  }
}

// ---- against the loader ----

/// The loader's records on the device.
class ResidentJets {
 public:
  explicit ResidentJets(data::Loader const& loader)
      : form_(loader.records().form), words_(packed(loader.records())) {}

  data::Batch batch(RecordOrder const& order, std::int64_t first, std::int64_t rows) {
    return gathered(words_.data(), form_, order, first, rows);
  }

 private:
  static std::vector<std::uint32_t> packed(RecordsView const& view) {
    std::vector<std::uint32_t> words;
    for (std::int64_t r = 0; r < view.rows; ++r) {
      std::uint32_t const* const record = view.words + r * view.stride;
      words.insert(words.end(), record, record + view.form.words());
    }
    return words;
  }

  RecordForm form_;
  DeviceWords words_;
};

/// The device's batches of an order must be the loader's, row numbers included.
void check_batches(data::Loader const& loader, ResidentJets& jets, RecordOrder const& order,
                   std::vector<data::Batch> const& want, std::int64_t first) {
  for (data::Batch const& batch : want) {
    data::Batch got = jets.batch(order, first, batch.rows);
    for (std::int64_t r = 0; r < batch.rows; ++r) {
      got.row_numbers.push_back(loader.row_number(order.place(first + r)));
    }
    CHECK(same_bits(got, batch));
    first += batch.rows;
  }
  CHECK(first == order.rows);
}

void check_loader(data::LoaderSetup setup) {
  setup.loader = {64, data::LoaderMode::resident};
  data::Loader loader(setup, std::nullopt);
  CAPTURE(loader.training_rows(), loader.validation_rows());
  REQUIRE(loader.training_rows() > 700);
  ResidentJets jets(loader);
  for (std::int64_t const epoch_index : {0, 3}) {
    check_batches(loader, jets, loader.training_order(2, epoch_index),
                  epoch(loader, 2, epoch_index, 301), 0);
  }
  check_batches(loader, jets, loader.training_order(0, 1), epoch(loader, 0, 1, 130, 3), 390);
  check_batches(loader, jets, loader.held_out_order(), held_out(loader, 97), 0);
}

TEST_CASE("cuda gathers the loader's batches: transforms, units, shards", "[cuda][gather]") {
  ScratchFolder const folder;
  data::LoaderSetup setup = toy_setup(write_toy_shards(folder.path(), {400, 333, 290}, 100));
  check_loader(setup);
  setup.data.weight = "weight";
  setup.data.split_key = 5;
  setup.features.push_back({"m_tev", "mass", "TeV", data::Transform::none, 0});
  check_loader(setup);
  setup.data.validation_fraction = 0;
  setup.targets = {{"mass", {"mass", "truth_mass"}}};
  setup.bins = {};
  check_loader(setup);
}

TEST_CASE("cuda gathers the loader's batches: types of fields", "[cuda][gather]") {
  data::FieldType const types[] = {
      {data::FieldKind::floating, 2, false},         {data::FieldKind::floating, 4, true},
      {data::FieldKind::floating, 8, false},         {data::FieldKind::signed_integer, 2, true},
      {data::FieldKind::unsigned_integer, 8, false}, {data::FieldKind::unsigned_integer, 1, false}};
  for (data::FieldType const type : types) {
    ScratchFolder const folder;
    auto fields = toy_fields(0, 1000);
    data::test::TestField& d2 = field(fields, "D2");
    d2.type = type;
    for (std::size_t i = 0; i < d2.values.size(); ++i) {
      d2.values[i] = static_cast<double>(i % 120 + 1);
    }
    FileForm form;
    form.units = kToyUnits;
    write_file(folder.path() / "toy.h5", fields, form);
    CAPTURE(name(type));
    check_loader(toy_setup(folder.path() / "toy.h5"));
  }
}

TEST_CASE("cuda gathers the loader's batches without the jets it dropped", "[cuda][gather]") {
  ScratchFolder const folder;
  auto fields = toy_fields(0, 1100);
  for (std::size_t const row : {0u, 1u, 500u, 1099u}) {
    field(fields, "D2").values[row] = static_cast<double>(NAN);
  }
  FileForm form;
  form.units = kToyUnits;
  write_file(folder.path() / "toy.h5", fields, form);
  data::LoaderSetup setup = toy_setup(folder.path() / "toy.h5");
  setup.data.non_finite = data::NonFinitePolicy::drop;
  check_loader(setup);
}

}  // namespace
}  // namespace jetcal::test
