// The runtime API: order of streams, events, graphs, errors, counters.
#include "tests/catch.hpp"
#include "tests/emulator/device_buffer.cuh"
#include "tests/emulator/emulator.hpp"
#include "tests/emulator/programs/plain.cuh"
#include "tests/emulator/runtime/abi.hpp"

#include <nlohmann/json.hpp>

#include <map>
#include <set>

using programs::check;
using programs::DeviceBuffer;

namespace {

struct Streams {
  Streams() {
    for (cudaStream_t& s : all) { check(cudaStreamCreateWithFlags(&s, cudaStreamNonBlocking)); }
    check(cudaEventCreate(&event));
  }
  Streams(Streams const&) = delete;
  Streams& operator=(Streams const&) = delete;
  ~Streams() {
    for (cudaStream_t s : all) { cudaStreamDestroy(s); }
    cudaEventDestroy(event);
  }
  cudaStream_t all[2] = {};
  cudaEvent_t event = nullptr;
};

/// x doubled in stream 0, then added up in stream 1; `ordered`: stream 1 waits for stream 0.
float two_streams(bool ordered, unsigned seed) {
  emulator_client::set("SEED", seed);
  Streams streams;
  DeviceBuffer<float> const x(std::vector<float>(64, 1.0f)), y(64);
  check(cudaDeviceSynchronize());
  programs::scale(x.data(), x.data(), 64, 2.0f, streams.all[0]);
  if (ordered) {
    check(cudaEventRecord(streams.event, streams.all[0]));
    check(cudaStreamWaitEvent(streams.all[1], streams.event, 0));
  }
  programs::scale(x.data(), y.data(), 64, 1.0f, streams.all[1]);
  check(cudaStreamSynchronize(streams.all[1]));
  check(cudaStreamSynchronize(streams.all[0]));
  return y.read()[5];
}

}  // namespace

TEST_CASE("the emulator's error numbers are NVIDIA's", "[emulator]") {
  using namespace emulator;
  CHECK(int(kErrorInvalidValue) == int(cudaErrorInvalidValue));
  CHECK(int(kErrorMemoryAllocation) == int(cudaErrorMemoryAllocation));
  CHECK(int(kErrorInvalidConfiguration) == int(cudaErrorInvalidConfiguration));
  CHECK(int(kErrorInvalidSymbol) == int(cudaErrorInvalidSymbol));
  CHECK(int(kErrorInvalidDeviceFunction) == int(cudaErrorInvalidDeviceFunction));
  CHECK(int(kErrorInvalidDevice) == int(cudaErrorInvalidDevice));
  CHECK(int(kErrorInvalidKernelImage) == int(cudaErrorInvalidKernelImage));
  CHECK(int(kErrorInvalidResourceHandle) == int(cudaErrorInvalidResourceHandle));
  CHECK(int(kErrorSymbolNotFound) == int(cudaErrorSymbolNotFound));
  CHECK(int(kErrorNotReady) == int(cudaErrorNotReady));
  CHECK(int(kErrorIllegalAddress) == int(cudaErrorIllegalAddress));
  CHECK(int(kErrorLaunchOutOfResources) == int(cudaErrorLaunchOutOfResources));
  CHECK(int(kErrorAssert) == int(cudaErrorAssert));
  CHECK(int(kErrorHostMemoryAlreadyRegistered) == int(cudaErrorHostMemoryAlreadyRegistered));
  CHECK(int(kErrorHostMemoryNotRegistered) == int(cudaErrorHostMemoryNotRegistered));
  CHECK(int(kErrorMisalignedAddress) == int(cudaErrorMisalignedAddress));
  CHECK(int(kErrorLaunchFailure) == int(cudaErrorLaunchFailure));
  CHECK(int(kErrorNotSupported) == int(cudaErrorNotSupported));
  CHECK(int(kErrorStreamCaptureUnsupported) == int(cudaErrorStreamCaptureUnsupported));
  CHECK(int(kErrorStreamCaptureInvalidated) == int(cudaErrorStreamCaptureInvalidated));
  CHECK(int(kErrorStreamCaptureUnmatched) == int(cudaErrorStreamCaptureUnmatched));
  CHECK(int(kErrorStreamCaptureUnjoined) == int(cudaErrorStreamCaptureUnjoined));
  CHECK(int(kErrorStreamCaptureIsolation) == int(cudaErrorStreamCaptureIsolation));
  CHECK(int(kErrorStreamCaptureImplicit) == int(cudaErrorStreamCaptureImplicit));
  CHECK(int(kErrorCapturedEvent) == int(cudaErrorCapturedEvent));
  CHECK(std::string(cudaGetErrorName(cudaErrorNotReady)) == "cudaErrorNotReady");
}

TEST_CASE("properties and attributes of the device agree", "[emulator]") {
  cudaDeviceProp p{};
  check(cudaGetDeviceProperties(&p, 0));
  auto attribute = [](cudaDeviceAttr which) {
    int value = -1;
    check(cudaDeviceGetAttribute(&value, which, 0));
    return value;
  };
  CHECK(p.major == attribute(cudaDevAttrComputeCapabilityMajor));
  CHECK(p.minor == attribute(cudaDevAttrComputeCapabilityMinor));
  CHECK(p.multiProcessorCount == attribute(cudaDevAttrMultiProcessorCount));
  CHECK(p.warpSize == 32);
  CHECK(p.maxThreadsPerBlock == attribute(cudaDevAttrMaxThreadsPerBlock));
  CHECK(p.maxThreadsPerMultiProcessor == attribute(cudaDevAttrMaxThreadsPerMultiProcessor));
  CHECK(p.maxGridSize[0] == attribute(cudaDevAttrMaxGridDimX));
  CHECK(int(p.sharedMemPerBlock) == attribute(cudaDevAttrMaxSharedMemoryPerBlock));
  CHECK(int(p.sharedMemPerBlockOptin) == attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin));
  CHECK(int(p.sharedMemPerMultiprocessor) ==
        attribute(cudaDevAttrMaxSharedMemoryPerMultiprocessor));
  CHECK(p.regsPerMultiprocessor == attribute(cudaDevAttrMaxRegistersPerMultiprocessor));
  CHECK(p.l2CacheSize == attribute(cudaDevAttrL2CacheSize));
  CHECK(p.asyncEngineCount == attribute(cudaDevAttrAsyncEngineCount));
  CHECK(p.concurrentKernels == 1);
  CHECK(p.maxBlocksPerMultiProcessor == attribute(cudaDevAttrMaxBlocksPerMultiprocessor));
  CHECK(p.memoryBusWidth == attribute(cudaDevAttrGlobalMemoryBusWidth));
  CHECK(int(p.reservedSharedMemPerBlock) == attribute(cudaDevAttrReservedSharedMemoryPerBlock));
}

TEST_CASE("streams without order come in any, with an event in one", "[emulator]") {
  std::set<float> seen;
  for (unsigned seed = 1; seed <= 40; ++seed) {
    CHECK(two_streams(true, seed) == 2.0f);
    seen.insert(two_streams(false, seed));
  }
  CHECK(seen == std::set<float>{1.0f, 2.0f});
  CHECK(emulator_client::take_findings() == "");
}

TEST_CASE("the default stream waits for blocking streams, and they for it", "[emulator]") {
  cudaStream_t stream = nullptr;
  check(cudaStreamCreate(&stream));
  for (int i = 0; i < 30; ++i) {
    DeviceBuffer<float> const x(std::vector<float>(64, 1.0f));
    programs::scale(x.data(), x.data(), 64, 3.0f, nullptr);
    programs::scale(x.data(), x.data(), 64, 0.5f, stream);
    programs::scale(x.data(), x.data(), 64, 5.0f, nullptr);
    CHECK(x.read()[63] == 7.5f);
  }
  check(cudaStreamDestroy(stream));
}

TEST_CASE("a captured graph runs when it is launched, as often as it is", "[emulator]") {
  Streams streams;
  DeviceBuffer<float> const x(std::vector<float>(64, 1.0f)), y(std::vector<float>(64, 0.0f));
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;
  check(cudaStreamBeginCapture(streams.all[0], cudaStreamCaptureModeGlobal));
  programs::scale(x.data(), x.data(), 64, 2.0f, streams.all[0]);
  check(cudaEventRecord(streams.event, streams.all[0]));
  check(cudaStreamWaitEvent(streams.all[1], streams.event, 0));  // a fork
  programs::scale(x.data(), y.data(), 64, 10.0f, streams.all[1]);
  check(cudaEventRecord(streams.event, streams.all[1]));
  check(cudaStreamWaitEvent(streams.all[0], streams.event, 0));  // and a join
  check(cudaStreamEndCapture(streams.all[0], &graph));
  std::size_t nodes = 0;
  check(cudaGraphGetNodes(graph, nullptr, &nodes));
  CHECK(nodes == 2);
  CHECK(x.read()[0] == 1.0f);  // nothing has run yet
  check(cudaGraphInstantiate(&executable, graph, 0));
  check(cudaGraphDestroy(graph));
  for (int i = 0; i < 3; ++i) { check(cudaGraphLaunch(executable, streams.all[0])); }
  check(cudaStreamSynchronize(streams.all[0]));
  CHECK(x.read()[0] == 8.0f);
  CHECK(y.read()[63] == 80.0f);
  check(cudaGraphExecDestroy(executable));
  CHECK(cudaGraphLaunch(executable, streams.all[0]) == cudaErrorInvalidValue);
  CHECK(cudaGraphExecDestroy(executable) == cudaErrorInvalidValue);
  cudaGetLastError();
  CHECK(emulator_client::take_findings() == "");
}

TEST_CASE("what cannot be captured is refused", "[emulator]") {
  Streams streams;
  DeviceBuffer<float> const x(std::vector<float>(64, 1.0f));
  cudaGraph_t graph = nullptr;
  void* p = nullptr;
  auto begin = [&] { check(cudaStreamBeginCapture(streams.all[0], cudaStreamCaptureModeGlobal)); };

  begin();
  CHECK(cudaMalloc(&p, 4) == cudaErrorStreamCaptureUnsupported);
  CHECK(cudaStreamEndCapture(streams.all[0], &graph) == cudaErrorStreamCaptureInvalidated);
  begin();
  CHECK(cudaStreamSynchronize(streams.all[0]) == cudaErrorStreamCaptureUnsupported);
  CHECK(cudaStreamEndCapture(streams.all[0], &graph) == cudaErrorStreamCaptureInvalidated);
  for (bool const of_stream : {true, false}) {
    begin();
    CHECK((of_stream ? cudaStreamQuery(streams.all[1]) : cudaEventQuery(streams.event)) ==
          cudaErrorStreamCaptureUnsupported);
    CHECK(cudaStreamEndCapture(streams.all[0], &graph) == cudaErrorStreamCaptureInvalidated);
  }
  begin();
  check(cudaEventRecord(streams.event, streams.all[0]));
  check(cudaStreamEndCapture(streams.all[0], &graph));
  CHECK(cudaEventQuery(streams.event) == cudaErrorCapturedEvent);
  CHECK(cudaEventSynchronize(streams.event) == cudaErrorCapturedEvent);
  check(cudaGraphDestroy(graph));
  begin();
  check(cudaEventRecord(streams.event, streams.all[0]));
  check(cudaStreamWaitEvent(streams.all[1], streams.event, 0));
  programs::scale(x.data(), x.data(), 64, 2.0f, streams.all[1]);
  CHECK(cudaStreamEndCapture(streams.all[0], &graph) == cudaErrorStreamCaptureUnjoined);
  CHECK(graph == nullptr);
  CHECK(cudaStreamEndCapture(streams.all[0], &graph) == cudaErrorInvalidValue);
  cudaGetLastError();
  CHECK(emulator_client::take_findings() == "");
}

TEST_CASE("calls that allocate, wait, copy or launch are counted", "[emulator]") {
  Streams streams;
  cudaStream_t const stream = streams.all[0];
  std::vector<float> pageable(16);
  void *device = nullptr, *pinned = nullptr;
  emulator_client::reset_counters();
  auto const calls = [] {
    auto const counters = nlohmann::json::parse(emulator_client::counters());
    return counters.at("calls").get<std::map<std::string, int>>();
  };
  check(cudaMalloc(&device, 64));
  check(cudaMallocHost(&pinned, 64));
  CHECK(calls()["allocations"] == 2);
  check(cudaMemcpyAsync(device, pinned, 64, cudaMemcpyHostToDevice, stream));
  check(cudaEventRecord(streams.event, stream));
  CHECK((calls()["pageable_copies"] == 0 && calls()["waits"] == 0));
  check(cudaEventSynchronize(streams.event));
  CHECK((calls()["event_waits"] == 1 && calls()["waits"] == 0));
  check(cudaMemcpyAsync(device, pageable.data(), 64, cudaMemcpyHostToDevice, stream));
  CHECK((calls()["pageable_copies"] == 1 && calls()["waits"] == 0));
  check(cudaMemcpyAsync(pageable.data(), device, 64, cudaMemcpyDeviceToHost, stream));
  CHECK((calls()["pageable_copies"] == 2 && calls()["waits"] == 1));
  check(cudaMemcpy(pageable.data(), device, 64, cudaMemcpyDeviceToHost));
  CHECK((calls()["pageable_copies"] == 2 && calls()["waits"] == 2));
  check(cudaStreamSynchronize(stream));
  check(cudaDeviceSynchronize());
  CHECK(calls()["waits"] == 4);
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;
  check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
  programs::scale(static_cast<float*>(device), static_cast<float*>(device), 16, 2.0f, stream);
  check(cudaStreamEndCapture(stream, &graph));
  check(cudaGraphInstantiate(&executable, graph, 0));
  for (int i = 0; i < 3; ++i) { check(cudaGraphLaunch(executable, stream)); }
  CHECK((calls()["kernel_launches"] == 1 && calls()["graph_launches"] == 3));
  check(cudaStreamSynchronize(stream));
  check(cudaGraphExecDestroy(executable));
  check(cudaGraphDestroy(graph));
  check(cudaFree(device));
  check(cudaFreeHost(pinned));
  CHECK((calls()["waits"] == 7 && calls()["allocations"] == 2));
  emulator_client::reset_counters();
  CHECK(calls()["allocations"] == 0);
  CHECK(emulator_client::take_findings() == "");
}

TEST_CASE("copies that may run beside a kernel are counted", "[emulator]") {
  DeviceBuffer<float> const x(std::vector<float>(16, 1.0f)), y(16);
  float* pinned = nullptr;
  check(cudaMallocHost(reinterpret_cast<void**>(&pinned), 2 * 64));
  std::vector<float> pageable(16);
  auto const calls = [] {
    auto const counters = nlohmann::json::parse(emulator_client::counters());
    return counters.at("calls").at("overlapping_copies").get<int>();
  };
  for (unsigned seed = 1; seed <= 4; ++seed) {
    CAPTURE(seed);
    emulator_client::set("SEED", seed);
    Streams streams;
    cudaStream_t const kernels = streams.all[0], copies = streams.all[1];
    auto const copy = [&](cudaStream_t stream) {
      check(cudaMemcpyAsync(pinned, x.data(), 64, cudaMemcpyDeviceToHost, stream));
    };
    auto const kernel = [&] { programs::scale(x.data(), y.data(), 16, 2.0f, kernels); };
    check(cudaDeviceSynchronize());
    emulator_client::reset_counters();
    copy(copies);
    CHECK(calls() == 0);  // there is no kernel yet
    kernel();
    kernel();
    CHECK(calls() == 1);  // once, with however many kernels
    copy(kernels);
    kernel();
    CHECK(calls() == 1);  // in the order of one stream
    copy(copies);
    CHECK(calls() == 2);
    check(cudaEventRecord(streams.event, kernels));
    check(cudaStreamWaitEvent(copies, streams.event, 0));
    copy(copies);
    CHECK(calls() == 2);  // behind all of them
    check(cudaMemcpyAsync(y.data(), pageable.data(), 64, cudaMemcpyHostToDevice, copies));
    check(cudaMemcpyAsync(y.data(), x.data(), 64, cudaMemcpyDeviceToDevice, copies));
    kernel();
    CHECK(calls() == 3);  // the pinned one behind the others
    check(cudaStreamSynchronize(kernels));
    copy(copies);
    CHECK(calls() == 3);  // the host knows that no kernel is left
    check(cudaDeviceSynchronize());
  }
  emulator_client::set("SEED", 1);
  check(cudaFreeHost(pinned));
  CHECK(emulator_client::take_findings() == "");
}

TEST_CASE("wrong arguments are errors, and the last one is remembered", "[emulator]") {
  DeviceBuffer<float> const x(16);
  std::vector<float> host(32);
  CHECK(cudaMemcpy(host.data(), x.data(), 65, cudaMemcpyDeviceToHost) == cudaErrorInvalidValue);
  CHECK(cudaMemcpy(x.data(), host.data(), 64, cudaMemcpyDeviceToHost) == cudaErrorInvalidValue);
  CHECK(cudaGetLastError() == cudaErrorInvalidValue);
  CHECK(cudaGetLastError() == cudaSuccess);
  CHECK(cudaSetDevice(1) == cudaErrorInvalidDevice);
  void* p = &host;
  CHECK(cudaMalloc(&p, std::size_t(1) << 50) == cudaErrorMemoryAllocation);
  CHECK(p == nullptr);
  cudaGetLastError();
  CHECK(emulator_client::take_findings() == "");
}

TEST_CASE("memory that was never written reads as NaN on the host", "[emulator]") {
  DeviceBuffer<float> const x(4);
  check(cudaMemset(x.data(), 0, 8));
  auto const values = x.read();
  CHECK(values[0] == 0.0f);
  CHECK(values[1] == 0.0f);
  CHECK(values[2] != values[2]);
  CHECK(values[3] != values[3]);
}

TEST_CASE("copies of rectangles and of device memory", "[emulator]") {
  std::vector<float> in(12), out(6, -1.0f);
  for (std::size_t i = 0; i < in.size(); ++i) { in[i] = static_cast<float>(i); }
  DeviceBuffer<float> const x(in), y(std::vector<float>(12, 0.0f));
  check(cudaMemcpy2D(y.data(), 12, x.data() + 1, 16, 8, 3,
                     cudaMemcpyDeviceToDevice));  // columns 1, 2 of 3 rows of 4
  check(cudaMemcpy2D(out.data(), 8, y.data(), 12, 8, 3, cudaMemcpyDeviceToHost));
  CHECK(out == std::vector<float>{1, 2, 5, 6, 9, 10});
}

TEST_CASE("counters count instructions, sectors, wavefronts and bytes to the digit", "[emulator]") {
  auto count = [](int n) {
    DeviceBuffer<float> const x(std::vector<float>(static_cast<std::size_t>(n), 1.0f)),
        y(static_cast<std::size_t>(n));
    emulator_client::reset_counters();
    programs::scale(x.data(), y.data(), n, 2.0f, nullptr);
    check(cudaDeviceSynchronize());
    auto const json = nlohmann::json::parse(emulator_client::counters());
    REQUIRE(json.at("kernels").size() == 1);
    return json.at("kernels").begin().value();
  };
  auto const a = count(384);  // 4 blocks of 96 threads: one element each
  CHECK(a.at("launches") == 1);
  CHECK(a.at("blocks") == 4);
  CHECK(a.at("threads") == 384);
  CHECK(a.at("distinct_bytes_read") == 384 * 4);
  CHECK(a.at("distinct_bytes_written") == 384 * 4);
  auto const& loads = a.at("classes").at("load_global");
  CHECK(loads.at("warp_instructions") == 12);
  CHECK(loads.at("thread_instructions") == 384);
  CHECK(loads.at("bytes") == 384 * 4);
  // The buffers begin at multiples of 256: every warp touches four sectors.
  CHECK(loads.at("transactions") == 48);
  CHECK(loads.at("least_transactions") == 48);
  CHECK(a.at("classes").at("store_global").at("transactions") == 48);
  CHECK(a.at("classes").at("arithmetic").at("thread_instructions") == 384);
  CHECK(a == count(384));
  auto const b = count(3840);
  CHECK(b.at("classes").at("load_global").at("bytes") == 10 * 384 * 4);
}

TEST_CASE("bank conflicts are the wavefronts beyond the least", "[emulator]") {
  int const n = 16;
  DeviceBuffer<float> const a(std::vector<float>(n * n, 1.0f)), b(std::vector<float>(n * n, 1.0f)),
      c(n * n);
  emulator_client::reset_counters();
  programs::multiply(a.data(), b.data(), c.data(), n);
  check(cudaDeviceSynchronize());
  auto const kernel =
      nlohmann::json::parse(emulator_client::counters()).at("kernels").begin().value();
  // Tiles of [16][17] floats, warps of two rows of 16 threads. Stores: both rows lie 17 words
  // apart, so words 0-15 and 17-32: bank 0 is hit twice. Loads of a: two words, rows apart; of b:
  // 16 neighbours.
  auto const& classes = kernel.at("classes");
  CHECK(classes.at("store_shared").at("warp_instructions") == 16);
  CHECK(classes.at("store_shared").at("transactions") == 32);
  CHECK(classes.at("store_shared").at("least_transactions") == 16);
  CHECK(classes.at("load_shared").at("transactions") ==
        classes.at("load_shared").at("least_transactions"));
  CHECK(kernel.at("bank_conflicts") == 16);
  CHECK(classes.at("fma").at("thread_instructions") == n * n * n);
}

TEST_CASE("counters of every launch, in order", "[emulator]") {
  DeviceBuffer<float> const x(std::vector<float>(384, 1.0f)), y(384);
  REQUIRE(emulator_client::set("LAUNCHES", 1));
  emulator_client::reset_counters();
  for (int const n : {384, 96, 200}) { programs::scale(x.data(), y.data(), n, 2.0f, nullptr); }
  check(cudaDeviceSynchronize());
  auto const json = nlohmann::json::parse(emulator_client::counters());
  REQUIRE(emulator_client::set("LAUNCHES", 0));
  auto const& launches = json.at("launches");
  REQUIRE(launches.size() == 3);
  CHECK(launches[0].at("distinct_bytes_read") == 4 * 384);
  CHECK(launches[1].at("distinct_bytes_read") == 4 * 96);
  CHECK(launches[2].at("distinct_bytes_read") == 4 * 200);
  auto sum = [&](char const* key) {
    int total = 0;
    for (auto const& launch : launches) { total += launch.at(key).get<int>(); }
    return total;
  };
  auto const& kernel = json.at("kernels").begin().value();
  for (char const* const key : {"launches", "warp_instructions", "distinct_bytes_written"}) {
    CHECK(sum(key) == kernel.at(key));
  }
  for (auto const& launch : launches) {
    CHECK(launch.at("kernel") == json.at("kernels").begin().key());
    CHECK(launch.at("blocks") == 4);
    CHECK(launch.at("threads_per_block") == 96);
    CHECK(launch.at("dynamic_shared_bytes") == 0);
  }
  emulator_client::reset_counters();
  programs::scale(x.data(), y.data(), 96, 2.0f, nullptr);
  check(cudaDeviceSynchronize());
  CHECK(!nlohmann::json::parse(emulator_client::counters()).contains("launches"));
}
