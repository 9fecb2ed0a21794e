#include "data/fields.hpp"

#include <bit>

namespace jetcal::data {
namespace {

/// IEEE 754 in the widths we decode: other floats (VAX, x87) are `other`.
bool is_ieee(hid_t type, std::size_t bytes) {
  if (bytes == 4) {
    return H5Tequal(type, H5T_IEEE_F32LE) > 0 || H5Tequal(type, H5T_IEEE_F32BE) > 0;
  }
  if (bytes == 8) {
    return H5Tequal(type, H5T_IEEE_F64LE) > 0 || H5Tequal(type, H5T_IEEE_F64BE) > 0;
  }
  if (bytes != 2) { return false; }
  std::size_t sign = 0, exponent = 0, exponent_bits = 0, mantissa = 0, mantissa_bits = 0;
  if (H5Tget_fields(type, &sign, &exponent, &exponent_bits, &mantissa, &mantissa_bits) < 0) {
    return false;
  }
  return sign == 15 && exponent == 10 && exponent_bits == 5 && mantissa == 0 &&
         mantissa_bits == 10 && H5Tget_ebias(type) == 15;
}

bool is_plain_integer(hid_t type, std::size_t bytes) {
  return std::has_single_bit(bytes) && bytes <= 8 && H5Tget_precision(type) == 8 * bytes &&
         H5Tget_offset(type) == 0;
}

FieldType field_type(hid_t type) {
  // A boolean of h5py is an enumeration over int8: its numbers are those of the base type.
  if (H5Tget_class(type) == H5T_ENUM) { return field_type(Hid(H5Tget_super(type), H5Tclose)); }
  std::size_t const bytes = H5Tget_size(type);
  bool const big_endian = bytes > 1 && H5Tget_order(type) == H5T_ORDER_BE;
  if (H5Tget_class(type) == H5T_FLOAT && is_ieee(type, bytes)) {
    return {FieldKind::floating, bytes, big_endian};
  }
  if (H5Tget_class(type) == H5T_INTEGER && is_plain_integer(type, bytes)) {
    bool const is_signed = H5Tget_sign(type) == H5T_SGN_2;
    return {is_signed ? FieldKind::signed_integer : FieldKind::unsigned_integer, bytes, big_endian};
  }
  return {FieldKind::other, bytes, false};
}

}  // namespace

std::string name(FieldType type) {
  std::string const prefix = type.big_endian ? "big-endian " : "";
  std::string const bits = std::to_string(8 * type.bytes);
  switch (type.kind) {
    case FieldKind::floating:
      return prefix + "float" + bits;
    case FieldKind::signed_integer:
      return prefix + "int" + bits;
    case FieldKind::unsigned_integer:
      return prefix + "uint" + bits;
    case FieldKind::other:
      break;
  }
  return "other (" + std::to_string(type.bytes) + " bytes)";
}

std::vector<Field> fields_of(hid_t compound) {
  Hdf5Scope const scope;
  std::vector<Field> fields;
  int const count = H5Tget_nmembers(compound);
  for (int i = 0; i < count; ++i) {
    auto const member = static_cast<unsigned>(i);
    char* const text = H5Tget_member_name(compound, member);
    Field field;
    field.name = text;
    H5free_memory(text);
    field.offset = H5Tget_member_offset(compound, member);
    field.type = field_type(Hid(H5Tget_member_type(compound, member), H5Tclose));
    fields.push_back(std::move(field));
  }
  return fields;
}

Hid hdf5_type(FieldType type) {
  JETCAL_REQUIRE(
      type.kind != FieldKind::other, DataError,
      "hdf5_type: a field of type " << name(type) << " cannot be made (must be a number)");
  Hdf5Scope const scope;
  H5T_order_t const order = type.big_endian ? H5T_ORDER_BE : H5T_ORDER_LE;
  if (type.kind == FieldKind::floating) {
    Hid made(H5Tcopy(type.bytes == 8 ? H5T_IEEE_F64LE : H5T_IEEE_F32LE), H5Tclose);
    if (type.bytes == 2) {
      H5Tset_fields(made, 15, 10, 5, 0, 10);
      H5Tset_precision(made, 16);
      H5Tset_ebias(made, 15);
      H5Tset_size(made, 2);
    }
    H5Tset_order(made, order);
    return made;
  }
  Hid made(H5Tcopy(type.kind == FieldKind::signed_integer ? H5T_STD_I64LE : H5T_STD_U64LE),
           H5Tclose);
  H5Tset_size(made, type.bytes);
  H5Tset_order(made, order);
  return made;
}

}  // namespace jetcal::data
