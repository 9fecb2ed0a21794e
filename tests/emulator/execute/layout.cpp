// Where registers, constants and variables lie.
#include "tests/emulator/execute/layout.hpp"

#include <algorithm>
#include <stdexcept>

namespace emulator {
namespace {

u64 rounded_up(u64 value, u64 multiple) { return (value + multiple - 1) / multiple * multiple; }

bool mentions(ptx::Function const& function, std::string const& symbol) {
  for (ptx::Statement const& s : function.statements) {
    for (ptx::Operand const& o : s.operands) {
      if (o.name == symbol) { return true; }
    }
  }
  return false;
}

Special special_named(std::string const& name) {
  static std::map<std::string, Special> const names = {
      {"%tid.x", Special::tid_x},
      {"%tid.y", Special::tid_y},
      {"%tid.z", Special::tid_z},
      {"%ntid.x", Special::ntid_x},
      {"%ntid.y", Special::ntid_y},
      {"%ntid.z", Special::ntid_z},
      {"%ctaid.x", Special::ctaid_x},
      {"%ctaid.y", Special::ctaid_y},
      {"%ctaid.z", Special::ctaid_z},
      {"%nctaid.x", Special::nctaid_x},
      {"%nctaid.y", Special::nctaid_y},
      {"%nctaid.z", Special::nctaid_z},
      {"%laneid", Special::laneid},
      {"%lanemask_eq", Special::lanemask_eq},
      {"%lanemask_lt", Special::lanemask_lt},
      {"%lanemask_le", Special::lanemask_le},
      {"%lanemask_gt", Special::lanemask_gt},
      {"%lanemask_ge", Special::lanemask_ge},
      {"%dynamic_smem_size", Special::dynamic_smem_size}};
  auto const found = names.find(name);
  if (found == names.end()) {
    throw std::runtime_error("the special register " + name + " is not supported by the emulator");
  }
  return found->second;
}

/// Words of a slot in the register file; a predicate is one word, in 64 bytes of its own.
u32 words_of(u8 bytes) { return bytes == 0 ? 16 : static_cast<u32>(bytes) / 4 * kWarpSize; }

}  // namespace

VariableLayout::VariableLayout(ptx::Module const& module, ptx::Function const& function,
                               std::map<std::string, u64> const& symbols, Kernel& kernel)
    : symbols_(symbols) {
  for (ptx::Variable const& p : function.parameters) {
    kernel.parameter_bytes = rounded_up(kernel.parameter_bytes, p.align);
    parameters_[p.name] = kernel.parameter_bytes;
    kernel.parameters.push_back({kernel.parameter_bytes, p.bytes});
    kernel.parameter_bytes += p.bytes;
  }
  for (ptx::Variable const& v : function.variables) {
    if (v.space == Space::shared) { continue; }
    kernel.local_bytes = rounded_up(kernel.local_bytes, v.align);
    local_[v.name] = kernel.local_bytes;
    kernel.local_bytes += v.bytes;
  }
  kernel.local_bytes = rounded_up(kernel.local_bytes, 16);
  lay_out_shared(module, function, kernel);
}

void VariableLayout::lay_out_shared(ptx::Module const& module, ptx::Function const& function,
                                    Kernel& kernel) {
  u64 next = kSharedBegin, alignment = 16;
  auto place = [&](ptx::Variable const& v) {
    next = rounded_up(next, v.align);
    shared_[v.name] = next;
    kernel.shared.push_back({next, next + v.bytes});
    kernel.shared_bytes += v.bytes;
    next += v.bytes + kSharedGuard;
  };
  std::vector<std::string> dynamic;
  for (ptx::Variable const& v : module.variables) {
    if (v.space != Space::shared || !mentions(function, v.name)) { continue; }
    if (v.external) {
      dynamic.push_back(v.name);
      alignment = std::max(alignment, v.align);
    } else {
      place(v);
    }
  }
  for (ptx::Variable const& v : function.variables) {
    if (v.space == Space::shared) { place(v); }
  }
  kernel.dynamic_shared_at = rounded_up(next, alignment);
  for (std::string const& name : dynamic) { shared_[name] = kernel.dynamic_shared_at; }
}

u64 VariableLayout::address_of(std::string const& symbol) const {
  for (auto const* map : {&parameters_, &shared_, &local_, &symbols_}) {
    if (auto const found = map->find(symbol); found != map->end()) { return found->second; }
  }
  throw std::runtime_error("the symbol " + symbol + " is not known to the emulator");
}

RegisterLayout::RegisterLayout(std::vector<ptx::Register> const& registers) {
  for (ptx::Register const& r : registers) {
    u8 const bytes = r.type == Type::pred ? 0 : bytes_of(r.type) == 8 ? 8 : 4;
    registers_.push_back({next_number(), bytes, false});
  }
}

u32 RegisterLayout::next_number() {
  return static_cast<u32>(registers_.size() + constants_.size() + specials_.size());
}

Slot RegisterLayout::constant(u64 value, u8 bytes) {
  if (bytes == 4) { value = static_cast<u32>(value); }
  auto const [known, is_new] = known_constants_.try_emplace({value, bytes}, Slot{});
  if (is_new) {
    known->second = {next_number(), bytes, false};
    constants_.push_back({known->second, value});
  }
  return known->second;
}

Slot RegisterLayout::special(std::string const& name) {
  auto const [known, is_new] = known_specials_.try_emplace(name, Slot{});
  if (is_new) {
    known->second = {next_number(), 4, false};
    specials_.push_back({special_named(name), known->second});
  }
  return known->second;
}

// Constants and special registers first: they keep their values from block to block.
void RegisterLayout::place(Kernel& kernel) {
  std::vector<u32> at(next_number());
  u32 next = 0;
  auto put = [&](Slot const& slot) {
    at[slot.at] = next;
    next += words_of(slot.bytes);
  };
  for (auto const& c : constants_) { put(c.slot); }
  for (auto const& s : specials_) { put(s.slot); }
  kernel.first_register = next;
  for (Slot const& r : registers_) { put(r); }
  kernel.words = next;
  auto move = [&](Slot& slot) {
    if (slot.there()) { slot.at = at[slot.at]; }
  };
  for (auto& c : constants_) { move(c.slot); }
  for (auto& s : specials_) { move(s.slot); }
  for (Instruction& i : kernel.code) {
    for (Slot& slot : i.to) { move(slot); }
    for (Slot& slot : i.from) { move(slot); }
    if (i.guard != Slot::kNone) { i.guard = at[i.guard]; }
  }
  kernel.constants = std::move(constants_);
  kernel.specials = std::move(specials_);
}

}  // namespace emulator
