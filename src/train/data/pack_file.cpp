#include "train/data/pack_file.h"

#include <esrgan/error.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "base/log.h"
#include "base/thread_pool.h"
#include "train/data/fingerprint.h"

namespace esrgan::train {
namespace {

namespace fs = std::filesystem;

constexpr std::array<char, 8> magic{'E', 'S', 'R', 'P', 'A', 'C', 'K', '1'};

struct Header {
  std::array<char, 8> magic;
  uint64_t count;
};

/// Where a pair lies, the large picture's rows, then the reduced one's; a pair without pixels cannot be used.
struct Entry {
  uint64_t offset = 0;
  uint32_t width = 0, height = 0;  // of the large picture
};

/// Of what identifies the files.
uint64_t fingerprint(const std::vector<PairFiles>& files, int scale) {
  Fingerprint print;
  print.add(std::to_string(scale));
  for (const PairFiles& pair : files) {
    print.add(std::to_string(pair.hr_scale));
    for (const fs::path& file : {pair.hr, pair.lr}) {
      print.add(file.string());
      if (file.empty()) continue;
      std::error_code unknown;
      print.add(std::to_string(fs::file_size(file, unknown)));
      print.add(std::to_string(fs::last_write_time(file, unknown).time_since_epoch().count()));
    }
  }
  return print.value();
}

void make_pack(const fs::path& target, const std::vector<PairFiles>& files, int scale, int threads) {
  constexpr size_t at_a_time = 32;
  AtomicFile output(target);
  std::ofstream stream(output.temporary(), std::ios::binary);
  std::vector<Entry> entries(files.size());
  const auto write = [&](const void* data, size_t bytes) {
    stream.write(static_cast<const char*>(data), static_cast<std::streamsize>(bytes));
  };
  const Header header{magic, files.size()};
  const auto write_head = [&] {
    write(&header, sizeof header);
    write(entries.data(), entries.size() * sizeof(Entry));
  };
  write_head();
  ThreadPool pool(threads);
  size_t skipped = 0;
  for (size_t begin = 0; begin < files.size(); begin += at_a_time) {
    std::vector<std::optional<Pair>> pairs(std::min(at_a_time, files.size() - begin));
    std::vector<std::string> reasons(pairs.size());
    pool.parallel_for(pairs.size(), [&](size_t i, int) {
      try {
        pairs[i] = load_pair(files[begin + i], scale);
      } catch (const Error& error) {
        reasons[i] = error.what();
      }
    });
    for (size_t i = 0; i < pairs.size(); ++i) {
      if (!pairs[i]) {
        log_warning("skipped, " + reasons[i] + " (" + std::to_string(++skipped) + " so far)");
        continue;
      }
      entries[begin + i] = {static_cast<uint64_t>(stream.tellp()), static_cast<uint32_t>(pairs[i]->hr.width),
                            static_cast<uint32_t>(pairs[i]->hr.height)};
      for (const PackedPicture* pixels : {&pairs[i]->hr, &pairs[i]->lr})
        write(pixels->samples.data(), pixels->samples.size());
    }
    log_info("packed " + std::to_string(begin + pairs.size()) + " of " + std::to_string(files.size()) +
             " pictures");
  }
  stream.seekp(0);
  write_head();
  stream.close();
  if (!stream) throw Error(ErrorKind::io, target.string(), "cannot be written (is the disk full?)");
  output.commit();
}

}  // namespace

PackFile::PackFile(const fs::path& folder, const std::vector<PairFiles>& files, int scale, int threads) {
  std::array<char, 32> name{};
  std::snprintf(name.data(), name.size(), "%016llx.pack",
                static_cast<unsigned long long>(fingerprint(files, scale)));
  const fs::path target = folder / name.data();
  std::error_code error;
  fs::create_directories(folder, error);
  if (!fs::exists(target)) make_pack(target, files, scale, threads);
  file_ = std::make_shared<const MappedFile>(target);

  const auto bytes = file_->bytes();
  Header header{};
  if (bytes.size() >= sizeof header) std::memcpy(&header, bytes.data(), sizeof header);
  if (header.magic != magic || header.count != files.size() ||
      bytes.size() < sizeof header + header.count * sizeof(Entry))
    throw Error(ErrorKind::bad_data, target.string(), "is damaged (remove it, and it is made again)");
  const auto squared = static_cast<uint64_t>(scale) * static_cast<uint64_t>(scale);
  for (size_t i = 0; i < files.size(); ++i) {
    Entry entry;
    std::memcpy(&entry, bytes.data() + sizeof header + i * sizeof entry, sizeof entry);
    const uint64_t hr = uint64_t{3} * entry.width * entry.height;
    if (entry.offset > bytes.size() || hr + hr / squared > bytes.size() - entry.offset)
      throw Error(ErrorKind::bad_data, target.string(), "is damaged (remove it, and it is made again)");
  }
  scale_ = scale;
}

std::optional<Pair> PackFile::pair(size_t index) const {
  Entry entry;
  std::memcpy(&entry, file_->bytes().data() + sizeof(Header) + index * sizeof entry, sizeof entry);
  if (entry.width == 0) return {};
  const auto pixels = [&](uint64_t offset, uint32_t width, uint32_t height) {
    return PackedPicture{static_cast<int>(width), static_cast<int>(height),
                         file_->bytes().subspan(offset, size_t{3} * width * height), file_};
  };
  const auto scale = static_cast<uint32_t>(scale_);
  const PackedPicture hr = pixels(entry.offset, entry.width, entry.height);
  return Pair{hr, pixels(entry.offset + hr.samples.size(), entry.width / scale, entry.height / scale)};
}

}  // namespace esrgan::train
