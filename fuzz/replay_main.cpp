// Runs a fuzz target over the files of a folder: replay_main FOLDER.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "fuzz_target.hpp"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: replay FOLDER\n", stderr);
    return 2;
  }
  int replayed = 0;
  for (const auto& entry : std::filesystem::directory_iterator(argv[1])) {
    std::ifstream file(entry.path(), std::ios::binary);
    const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    ++replayed;
  }
  std::printf("replayed %d files\n", replayed);
  return replayed == 0 ? 1 : 0;
}
