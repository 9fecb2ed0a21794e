#include "engine/hdf5_io.hpp"

#include <algorithm>
#include <atomic>

#include "engine/hdf5_lock.hpp"

namespace jetcal::hdf5 {
namespace {

constexpr std::size_t kImageIncrement = 1 << 20;

// The innermost message of HDF5's error stack, which says what the trouble was.
std::string library_says() {
  std::string text;
  auto const visit = [](unsigned, H5E_error2_t const* error, void* out) -> herr_t {
    if (error->desc) { *static_cast<std::string*>(out) = error->desc; }
    return 0;
  };
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, visit, &text);
  return text.empty() ? "" : " (HDF5: " + text + ")";
}

void require(bool good, std::string const& failure) {
  if (!good) { throw DataError(failure + library_says()); }
}

// HDF5 takes two open files in memory for one if they have one name.
std::string new_name() {
  static std::atomic<std::uint64_t> counter{0};
  return "in-memory-" + std::to_string(counter++);
}

Id memory_access(std::string const& where) {
  Id access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, where + ": HDF5 gives no property list");
  require(H5Pset_fapl_core(access.get(), kImageIncrement, false) >= 0,
          where + ": HDF5 cannot work in memory");
  return access;
}

Id text_type(std::string const& where) {
  Id type(H5Tcopy(H5T_C_S1), H5Tclose, where + ": HDF5 gives no text type");
  require(H5Tset_size(type.get(), H5T_VARIABLE) >= 0 && H5Tset_cset(type.get(), H5T_CSET_UTF8) >= 0,
          where + ": HDF5 gives no text type");
  return type;
}

Id space_of(std::vector<std::int64_t> const& dimensions, std::string const& where) {
  std::vector<hsize_t> const sizes(dimensions.begin(), dimensions.end());
  return {H5Screate_simple(static_cast<int>(sizes.size()), sizes.data(), nullptr), H5Sclose,
          where + ": HDF5 refuses the dimensions"};
}

std::vector<std::int64_t> dimensions_of(hid_t dataset, std::string const& where) {
  Id const space(H5Dget_space(dataset), H5Sclose, where + ": has no dimensions");
  int const rank = H5Sget_simple_extent_ndims(space.get());
  require(rank >= 0, where + ": has no dimensions");
  std::vector<hsize_t> sizes(static_cast<std::size_t>(rank));
  require(H5Sget_simple_extent_dims(space.get(), sizes.data(), nullptr) >= 0,
          where + ": has no dimensions");
  return {sizes.begin(), sizes.end()};
}

std::int64_t product(std::vector<std::int64_t> const& dimensions) {
  std::int64_t n = 1;
  for (std::int64_t const d : dimensions) { n *= d; }
  return n;
}

}  // namespace

Id::Id(hid_t id, herr_t (*close)(hid_t), std::string const& failure) : id_(id), close_(close) {
  require(id >= 0, failure);
}

Id::~Id() {
  if (id_ < 0) { return; }
  Quiet const quiet;
  close_(id_);
}

Quiet::Quiet() : lock_(hdf5_mutex()) {
  H5Eget_auto2(H5E_DEFAULT, &function_, &data_);
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  H5Eclear2(H5E_DEFAULT);
}

Quiet::~Quiet() { H5Eset_auto2(H5E_DEFAULT, function_, data_); }

void Writer::group(std::string const& name, std::function<void(Writer&)> const& fill) {
  std::string const where = where_ + '/' + name;
  Id const id(H5Gcreate2(group_, name.c_str(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), H5Gclose,
              where + ": HDF5 cannot create the group");
  Writer inner(id.get(), where);
  fill(inner);
}

void Writer::dataset(std::string const& name, hid_t file_type, hid_t memory_type,
                     void const* values, std::vector<std::int64_t> const& dimensions) {
  std::string const where = where_ + '/' + name;
  Id const space = space_of(dimensions, where);
  Id const creation(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, where + ": HDF5 fails");
  require(H5Pset_obj_track_times(creation.get(), false) >= 0, where + ": HDF5 fails");
  Id const id(H5Dcreate2(group_, name.c_str(), file_type, space.get(), H5P_DEFAULT, creation.get(),
                         H5P_DEFAULT),
              H5Dclose, where + ": HDF5 cannot create the dataset");
  require(product(dimensions) == 0 ||
              H5Dwrite(id.get(), memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0,
          where + ": HDF5 cannot store the values");
}

void Writer::floats(std::string const& name, std::span<float const> values,
                    std::vector<std::int64_t> const& dimensions) {
  JETCAL_REQUIRE(product(dimensions) == static_cast<std::int64_t>(values.size()), ShapeError,
                 where_ << '/' << name << ": " << values.size() << " values (must be "
                        << product(dimensions) << ")");
  dataset(name, H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, values.data(), dimensions);
}

void Writer::doubles(std::string const& name, std::span<double const> values) {
  doubles(name, values, {static_cast<std::int64_t>(values.size())});
}

void Writer::doubles(std::string const& name, std::span<double const> values,
                     std::vector<std::int64_t> const& dimensions) {
  JETCAL_REQUIRE(product(dimensions) == static_cast<std::int64_t>(values.size()), ShapeError,
                 where_ << '/' << name << ": " << values.size() << " values (must be "
                        << product(dimensions) << ")");
  dataset(name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, values.data(), dimensions);
}

void Writer::texts(std::string const& name, std::vector<std::string> const& values) {
  Id const type = text_type(where_);
  std::vector<char const*> pointers;
  for (std::string const& value : values) { pointers.push_back(value.c_str()); }
  dataset(name, type.get(), type.get(), pointers.data(),
          {static_cast<std::int64_t>(pointers.size())});
}

void Writer::attribute(std::string const& name, std::string const& value) {
  std::string const where = where_ + '@' + name;
  Id const type = text_type(where);
  Id const space(H5Screate(H5S_SCALAR), H5Sclose, where + ": HDF5 fails");
  Id const id(H5Acreate2(group_, name.c_str(), type.get(), space.get(), H5P_DEFAULT, H5P_DEFAULT),
              H5Aclose, where + ": HDF5 cannot create the attribute");
  char const* const pointer = value.c_str();
  require(H5Awrite(id.get(), type.get(), &pointer) >= 0, where + ": HDF5 cannot store the text");
}

void Writer::attribute(std::string const& name, std::int64_t value) {
  std::string const where = where_ + '@' + name;
  Id const space(H5Screate(H5S_SCALAR), H5Sclose, where + ": HDF5 fails");
  Id const id(
      H5Acreate2(group_, name.c_str(), H5T_STD_I64LE, space.get(), H5P_DEFAULT, H5P_DEFAULT),
      H5Aclose, where + ": HDF5 cannot create the attribute");
  require(H5Awrite(id.get(), H5T_NATIVE_INT64, &value) >= 0,
          where + ": HDF5 cannot store the number");
}

std::vector<std::byte> file_image(std::size_t user_block,
                                  std::function<void(Writer&)> const& fill) {
  Quiet const quiet;
  std::string const where = "HDF5 file in memory";
  Id const access = memory_access(where);
  Id const creation(H5Pcreate(H5P_FILE_CREATE), H5Pclose, where + ": no property list");
  require(H5Pset_userblock(creation.get(), user_block) >= 0, where + ": no user block");
  Id const file(H5Fcreate(new_name().c_str(), H5F_ACC_TRUNC, creation.get(), access.get()),
                H5Fclose, where + ": cannot be created");
  Writer root(file.get(), "");
  fill(root);
  require(H5Fflush(file.get(), H5F_SCOPE_LOCAL) >= 0, where + ": cannot be completed");
  ssize_t const size = H5Fget_file_image(file.get(), nullptr, 0);
  require(size > 0, where + ": has no image");
  std::vector<std::byte> image(static_cast<std::size_t>(size));
  require(H5Fget_file_image(file.get(), image.data(), image.size()) == size,
          where + ": has no image");
  return image;
}

Reader::Reader(std::vector<std::byte> const& image, std::string where)
    : id_([&] {
        Quiet const quiet;
        Id const access = memory_access(where);
        // HDF5 copies the bytes; its interface only forgets to say const.
        require(H5Pset_file_image(access.get(), const_cast<std::byte*>(image.data()),
                                  image.size()) >= 0,
                where + ": HDF5 refuses the bytes");
        return Id(H5Fopen(new_name().c_str(), H5F_ACC_RDONLY, access.get()), H5Fclose,
                  where + ": is not an HDF5 file");
      }()),
      where_(std::move(where)) {}

std::string Reader::path_of(std::string const& name) const { return where_ + ": " + path_ + name; }

Reader Reader::group(std::string const& name) const {
  Quiet const quiet;
  return {Id(H5Gopen2(id_.get(), name.c_str(), H5P_DEFAULT), H5Gclose,
             path_of(name) + ": group is missing"),
          where_, path_ + name + '/'};
}

bool Reader::has(std::string const& name) const {
  Quiet const quiet;
  return H5Lexists(id_.get(), name.c_str(), H5P_DEFAULT) > 0;
}

std::vector<std::string> Reader::names() const {
  Quiet const quiet;
  std::vector<std::string> out;
  auto const visit = [](hid_t, char const* name, H5L_info_t const*, void* list) -> herr_t {
    static_cast<std::vector<std::string>*>(list)->emplace_back(name);
    return 0;
  };
  require(H5Literate(id_.get(), H5_INDEX_NAME, H5_ITER_INC, nullptr, visit, &out) >= 0,
          path_of("") + ": cannot be listed");
  std::sort(out.begin(), out.end());
  return out;
}

Id Reader::dataset(std::string const& name, H5T_class_t type_class, std::size_t size) const {
  Id id(H5Dopen2(id_.get(), name.c_str(), H5P_DEFAULT), H5Dclose,
        path_of(name) + ": dataset is missing");
  Id const type(H5Dget_type(id.get()), H5Tclose, path_of(name) + ": has no type");
  bool const fits = H5Tget_class(type.get()) == type_class &&
                    (size == 0 || H5Tget_size(type.get()) == size) &&
                    (type_class != H5T_STRING || H5Tis_variable_str(type.get()) > 0);
  char const* const wanted = type_class == H5T_STRING ? "text" : size == 4 ? "float32" : "float64";
  JETCAL_REQUIRE(fits, DataError, path_of(name) << ": has another type (must be " << wanted << ")");
  return id;
}

template <class T>
std::vector<T> Reader::values(std::string const& name, hid_t memory_type) const {
  Id const id = dataset(name, H5T_FLOAT, sizeof(T));
  std::vector<T> out(static_cast<std::size_t>(product(dimensions_of(id.get(), path_of(name)))));
  require(
      out.empty() || H5Dread(id.get(), memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, out.data()) >= 0,
      path_of(name) + ": cannot be read");
  return out;
}

Floats Reader::floats(std::string const& name) const {
  Quiet const quiet;
  Id const id = dataset(name, H5T_FLOAT, sizeof(float));
  return {dimensions_of(id.get(), path_of(name)), values<float>(name, H5T_NATIVE_FLOAT)};
}

std::vector<float> Reader::float_list(std::string const& name) const {
  Floats out = floats(name);
  JETCAL_REQUIRE(out.dimensions.size() == 1, DataError,
                 path_of(name) << ": has " << out.dimensions.size() << " dimensions (must be 1)");
  return std::move(out.values);
}

std::vector<double> Reader::doubles(std::string const& name) const {
  Quiet const quiet;
  return values<double>(name, H5T_NATIVE_DOUBLE);
}

std::vector<std::string> Reader::texts(std::string const& name) const {
  Quiet const quiet;
  Id const id = dataset(name, H5T_STRING, 0);
  auto const dimensions = dimensions_of(id.get(), path_of(name));
  Id const space = space_of(dimensions, path_of(name));
  Id const type = text_type(path_of(name));
  std::vector<char*> pointers(static_cast<std::size_t>(product(dimensions)));
  require(pointers.empty() ||
              H5Dread(id.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, pointers.data()) >= 0,
          path_of(name) + ": cannot be read");
  std::vector<std::string> out;
  for (char const* const p : pointers) { out.emplace_back(p ? p : ""); }
  if (!pointers.empty()) { H5Dvlen_reclaim(type.get(), space.get(), H5P_DEFAULT, pointers.data()); }
  return out;
}

bool Reader::has_attribute(std::string const& name) const {
  Quiet const quiet;
  return H5Aexists(id_.get(), name.c_str()) > 0;
}

std::string Reader::text_attribute(std::string const& name) const {
  Quiet const quiet;
  std::string const where = path_of("") + '@' + name;
  Id const id(H5Aopen(id_.get(), name.c_str(), H5P_DEFAULT), H5Aclose,
              where + ": attribute is missing");
  Id const stored(H5Aget_type(id.get()), H5Tclose, where + ": has no type");
  Id const space(H5Aget_space(id.get()), H5Sclose, where + ": has no dimensions");
  JETCAL_REQUIRE(
      H5Tis_variable_str(stored.get()) > 0 && H5Sget_simple_extent_npoints(space.get()) == 1,
      DataError, where << ": has another type (must be text)");
  Id const type = text_type(where);
  char* pointer = nullptr;
  require(H5Aread(id.get(), type.get(), &pointer) >= 0, where + ": cannot be read");
  std::string out = pointer ? pointer : "";
  H5Dvlen_reclaim(type.get(), space.get(), H5P_DEFAULT, &pointer);
  return out;
}

std::int64_t Reader::integer_attribute(std::string const& name) const {
  Quiet const quiet;
  std::string const where = path_of("") + '@' + name;
  Id const id(H5Aopen(id_.get(), name.c_str(), H5P_DEFAULT), H5Aclose,
              where + ": attribute is missing");
  Id const stored(H5Aget_type(id.get()), H5Tclose, where + ": has no type");
  Id const space(H5Aget_space(id.get()), H5Sclose, where + ": has no dimensions");
  JETCAL_REQUIRE(
      H5Tget_class(stored.get()) == H5T_INTEGER && H5Sget_simple_extent_npoints(space.get()) == 1,
      DataError, where << ": has another type (must be an integer)");
  std::int64_t value = 0;
  require(H5Aread(id.get(), H5T_NATIVE_INT64, &value) >= 0, where + ": cannot be read");
  return value;
}

}  // namespace jetcal::hdf5
