// The modules of the program.
#include "tests/emulator/runtime/modules.hpp"

#include "tests/emulator/execute/decode.hpp"
#include "tests/emulator/memory/device_memory.hpp"
#include "tests/emulator/runtime/fat_binary.hpp"
#include "tests/emulator/settings.hpp"

#include <algorithm>
#include <stdexcept>

namespace emulator {

Registry& Registry::get() {
  static auto* registry = new Registry;  // used until the very end of the process
  return *registry;
}

void Image::load() {
  if (module_) { return; }
  text_ = ptx_of(wrapper_, settings().capability);
  module_ = ptx::parse(text_);
  allocate_variables();
}

void Image::allocate_variables() {
  DeviceMemory& memory = DeviceMemory::get();
  std::vector<ptx::Variable const*> placed;
  for (ptx::Variable const& v : module_->variables) {
    if (v.space == Space::shared || v.external) { continue; }
    u64 const address =
        memory.allocate(std::max<u64>(v.bytes, 1), "the program's variable " + v.name);
    if (address == 0) { throw std::runtime_error("no room for the variable " + v.name); }
    symbols_[v.name] = address;
    placed.push_back(&v);
  }
  for (ptx::Variable const* v : placed) {  // zeros where no value is given, as in C++
    u8* const at = memory.bytes_at(symbols_[v->name]);
    std::memset(at, 0, v->bytes);
    std::copy_n(v->initial.begin(), std::min<u64>(v->initial.size(), v->bytes), at);
    for (auto const& [offset, symbol] : v->addresses) {
      u64 addend = 0;
      std::memcpy(&addend, at + offset, sizeof addend);
      u64 const value = symbols_.at(symbol) + addend;
      std::memcpy(at + offset, &value, sizeof value);
    }
    std::memset(memory.state_at(symbols_[v->name]), static_cast<int>(State::initialised), v->bytes);
  }
}

Kernel const& Image::kernel(std::string const& symbol) {
  load();
  std::unique_ptr<Kernel>& slot = kernels_[symbol];
  if (!slot) {
    auto const found = module_->functions.find(symbol);
    if (found == module_->functions.end() || !found->second->entry) {
      throw std::runtime_error("there is no kernel " + symbol + " in this module");
    }
    slot = std::make_unique<Kernel>(decode(*module_, *found->second, symbols_));
  }
  return *slot;
}

Image::Variable Image::variable(std::string const& symbol) {
  load();
  for (ptx::Variable const& v : module_->variables) {
    if (v.name == symbol) { return {symbols_.at(symbol), v.bytes}; }
  }
  return {};
}

}  // namespace emulator
