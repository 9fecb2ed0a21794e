#pragma once

#include <hdf5.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "engine/errors.hpp"

/// Small files in HDF5 (models, checkpoints, tables of results), made and parsed in memory: HDF5
/// never touches the disk, so a full disk cannot leave it in an undefined state, and the bytes that
/// were checked are the bytes that are parsed. Equal content gives equal bytes: no times are
/// stored. Every function throws DataError, naming file and object.
namespace jetcal::hdf5 {

/// An open HDF5 object. Closes itself.
class Id {
 public:
  /// Takes `id` over. Errors: DataError(`failure`) if it is negative.
  Id(hid_t id, herr_t (*close)(hid_t), std::string const& failure);
  Id(Id&& other) noexcept : id_(other.id_), close_(other.close_) { other.id_ = -1; }
  Id& operator=(Id&&) = delete;
  ~Id();
  hid_t get() const { return id_; }

 private:
  hid_t id_;
  herr_t (*close_)(hid_t);
};

/// While one of these lives, this thread alone is in the HDF5 library, and the library prints
/// nothing: our errors say what is wrong. They nest.
class Quiet {
 public:
  Quiet();
  Quiet(Quiet const&) = delete;
  Quiet& operator=(Quiet const&) = delete;
  ~Quiet();

 private:
  std::lock_guard<std::recursive_mutex> lock_;
  H5E_auto2_t function_ = nullptr;
  void* data_ = nullptr;
};

/// A group being filled.
class Writer {
 public:
  Writer(hid_t group, std::string where) : group_(group), where_(std::move(where)) {}

  /// Creates the group `name` here and fills it.
  void group(std::string const& name, std::function<void(Writer&)> const& fill);

  /// A dataset of the given dimensions; values row by row.
  void floats(std::string const& name, std::span<float const> values,
              std::vector<std::int64_t> const& dimensions);
  void doubles(std::string const& name, std::span<double const> values);
  void doubles(std::string const& name, std::span<double const> values,
               std::vector<std::int64_t> const& dimensions);
  void texts(std::string const& name, std::vector<std::string> const& values);

  /// Attributes of this group.
  void attribute(std::string const& name, std::string const& value);
  void attribute(std::string const& name, std::int64_t value);

 private:
  void dataset(std::string const& name, hid_t file_type, hid_t memory_type, void const* values,
               std::vector<std::int64_t> const& dimensions);

  hid_t group_;
  std::string where_;
};

/// The bytes of an HDF5 file, which start after a user block of `user_block` bytes (0 or a power of
/// two from 512 on) that is not among them.
std::vector<std::byte> file_image(std::size_t user_block, std::function<void(Writer&)> const& fill);

/// A float32 dataset.
struct Floats {
  std::vector<std::int64_t> dimensions;
  std::vector<float> values;
};

/// A group being read.
class Reader {
 public:
  /// Opens a file's bytes (without user block); `where` names it in messages.
  Reader(std::vector<std::byte> const& image, std::string where);

  Reader group(std::string const& name) const;
  bool has(std::string const& name) const;
  std::vector<std::string> names() const;  ///< of groups and datasets here, sorted
  Floats floats(std::string const& name) const;
  std::vector<float> float_list(std::string const& name) const;  ///< one dimension
  std::vector<double> doubles(std::string const& name) const;
  std::vector<std::string> texts(std::string const& name) const;
  bool has_attribute(std::string const& name) const;
  std::string text_attribute(std::string const& name) const;
  std::int64_t integer_attribute(std::string const& name) const;

  /// "model.h5: /parameters/core.0.weight", for messages.
  std::string path_of(std::string const& name) const;

 private:
  Reader(Id id, std::string where, std::string path)
      : id_(std::move(id)), where_(std::move(where)), path_(std::move(path)) {}
  // The dataset `name` if it holds values of this class and size (0: any).
  Id dataset(std::string const& name, H5T_class_t type_class, std::size_t size) const;
  template <class T>
  std::vector<T> values(std::string const& name, hid_t memory_type) const;

  Id id_;
  std::string where_;
  std::string path_ = "/";
};

}  // namespace jetcal::hdf5
