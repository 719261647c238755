"""film_cases_test.py PROGRAM FAILING_CALLS TINY_MODEL [CASE...]: films as people have them.

Each case makes its films by ffmpeg, runs `esrgan video` and looks at what came out; a line per case tells how it went.
ESRGAN_TEST_SEED repeats a run."""
import hashlib
import json
import os
import pathlib
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import traceback

program, shim, tiny_model = (str(pathlib.Path(argument).resolve()) for argument in sys.argv[1:4])
chosen = sys.argv[4:]
seed = int(os.environ.get("ESRGAN_TEST_SEED", random.randrange(2**31)))
print(f"ESRGAN_TEST_SEED={seed}")
random.seed(seed)
work = pathlib.Path(tempfile.mkdtemp())
os.chdir(work)
(work / "models").mkdir()
os.environ["ESRGAN_MODELS"] = str(work / "models")
subprocess.run(["/usr/bin/python3", tiny_model, "models/tiny.safetensors"], check=True)
cases = []


def case(function):
    cases.append(function)
    return function


def ffmpeg(*arguments, **options):
    command = ["ffmpeg", "-hide_banner", "-loglevel", "error", "-nostdin", "-y", *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, **options)
    assert result.returncode == 0, f"{' '.join(command)}: {result.stderr.decode(errors='replace')}"
    return result.stdout


def esrgan(*arguments, status=0, says="", model="none", timeout=300, **environment):
    command = [program, "video", *map(str, arguments)] + (["-m", model] if model else [])
    result = subprocess.run(command, capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL,
                            timeout=timeout, env={**os.environ, **environment})
    told = result.stdout + result.stderr
    assert result.returncode == status, f"{command}: status {result.returncode}, not {status}: {told}"
    assert says in told, f"{command}: does not say '{says}': {told}"
    return told


def probe(file, *entries, select="v:0", more=()):
    command = ["ffprobe", "-v", "error", *(["-select_streams", select] if select else []), *more, "-of", "json",
               "-show_entries", ":".join(entries), str(file)]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def stream(file, field, select="v:0"):
    found = probe(file, f"stream={field}", select=select)["streams"]
    return found[0].get(field) if found else None


def times(file, select="v:0"):
    return [float(frame["best_effort_timestamp_time"])
            for frame in probe(file, "frame=best_effort_timestamp_time", select=select)["frames"]]


def packets(file, select):
    return [float(packet["pts_time"]) for packet in probe(file, "packet=pts_time", select=select)["packets"]]


def duration(file):
    return float(probe(file, "format=duration", select=None)["format"]["duration"])


def near(what, found, expected, tolerance=0.002):
    assert len(found) == len(expected), f"{what}: {len(found)}, not {len(expected)}"
    worst = max((abs(a - b) for a, b in zip(found, expected)), default=0)
    assert worst <= tolerance, f"{what}: {found[:8]}, not {expected[:8]}"


def texts(file):
    srt = ffmpeg("-i", file, "-map", "0:s:0", "-f", "srt", "-").decode()
    return re.findall(r"(\d\d:\d\d:\d\d,\d\d)\d --> (\d\d:\d\d:\d\d,\d\d)\d\n(?:<[^>]*>)*([^\n<]*)", srt)


def raw(file, pixels, *more):
    return ffmpeg("-i", file, *more, "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", pixels, "-")


def pattern(seconds=1, size="64x48", rate=25):
    return ["-f", "lavfi", "-i", f"testsrc2=s={size}:r={rate}:d={seconds}"]


def sine(seconds=1):
    return ["-f", "lavfi", "-i", f"sine=440:d={seconds}"]


# ---- clocks ----

@case
def a_clock_that_begins_late():
    ffmpeg(*pattern(2), *sine(2), "-c:v", "mpeg2video", "-bf", 2, "-g", 12, "-c:a", "mp2", "-output_ts_offset", 50000, "late.ts")
    for output in ("late.mkv", "late.mp4", "late.mov"):
        esrgan("late.ts", "-o", output)
        assert duration(output) < 2.2, f"{output} lasts {duration(output)} s"
        assert times(output)[0] < 0.2, times(output)[0]
        # Sound and pictures keep their distance.
        before = times("late.ts")[0] - packets("late.ts", "a:0")[0]
        after = times(output)[0] - packets(output, "a:0")[0]
        assert abs(before - after) < 0.002, (before, after)
    esrgan("late.ts", "-o", "late2.ts")
    assert times("late2.ts")[0] > 50000
    esrgan("late.ts", "-o", "kept.mkv", "--keep-start")
    near("--keep-start", times("kept.mkv"), times("late.ts"))


@case
def a_gap_that_is_meant_stays():
    # A slide show with music: one picture for 20 s.
    ffmpeg(*pattern(1), "-c:v", "mpeg2video", "-f", "mpegts", "a.ts")
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d=24", *sine(24), "-vf", "select='lt(t,1)+gt(t,22)'", "-fps_mode", "vfr",
           "-c:v", "mpeg2video", "-c:a", "mp2", "slides.ts")
    esrgan("slides.ts", "-o", "slides.mkv")
    start = times("slides.ts")[0] - times("slides.mkv")[0]
    near("a film with a gap", times("slides.mkv"), [value - start for value in times("slides.ts")])
    near("its sound", packets("slides.mkv", "a:0"), [value - start for value in packets("slides.ts", "a:0")])


@case
def avi_has_even_times():
    ffmpeg(*pattern(1), "-c:v", "libx264", "-bf", 3, "b.avi")
    ffmpeg(*pattern(1), "-c:v", "mpeg4", "-bf", 2, "m.avi")
    ffmpeg(*pattern(1), "-c:v", "mjpeg", "-q:v", 2, "j.avi")
    for name in ("b", "m", "j"):
        esrgan(f"{name}.avi", "-o", f"{name}.mkv")
        found = times(f"{name}.mkv")
        assert len(found) == 25, len(found)
        near(name, [b - a for a, b in zip(found, found[1:])], [0.04] * 24)


@case
def avi_with_packed_frames():
    # B frames behind the frame before them, as DivX packs them; then a placeholder.
    ffmpeg(*pattern(1), "-c:v", "mpeg4", "-bf", 1, "-g", 300, "-sc_threshold", 1000000000, "plain.avi")
    found = probe("plain.avi", "packet=pos,size,flags", select="v:0")["packets"]
    data = re.sub(rb"Lavc[0-9.]{9}", b"DivX503b1393p", (work / "plain.avi").read_bytes())  # "p": packed
    places = [int(p["pos"]) + (8 if data[int(p["pos"]):][:4] == b"00dc" else 0) for p in found]
    frames = [data[place:place + int(p["size"])] for place, p in zip(places, found)]
    kinds = [frame[frame.index(b"\0\0\1\xb6") + 4] >> 6 for frame in frames]
    assert 2 in kinds, "no B frame was made"
    packed, at = [], 0
    while at < len(frames):
        if at + 1 < len(frames) and kinds[at] == 1 and kinds[at + 1] == 2:
            packed += [frames[at] + frames[at + 1], b"\0\0\1\xb6\x50\xcf\x7f"]
            at += 2
        else:
            packed.append(frames[at])
            at += 1
    head = data[:data.index(b"movi") + 4]
    body = b"".join(b"00dc" + struct.pack("<I", len(p)) + p + b"\0" * (len(p) % 2) for p in packed)
    offset, index = 4, b""
    for number, p in enumerate(packed):
        index += b"00dc" + struct.pack("<III", 0x10 if number == 0 else 0, offset, len(p))
        offset += 8 + len(p) + len(p) % 2
    movi = head.rindex(b"LIST")
    film = head[:movi + 4] + struct.pack("<I", 4 + len(body)) + b"movi" + body + b"idx1" + struct.pack("<I", len(index)) + index
    film = film[:4] + struct.pack("<I", len(film) - 8) + film[8:]
    (work / "packed.avi").write_bytes(film)
    esrgan("packed.avi", "-o", "packed.mkv")
    found = times("packed.mkv")
    assert len(found) >= 24, len(found)
    near("packed", [b - a for a, b in zip(found, found[1:])], [0.04] * (len(found) - 1))


@case
def an_edit_list_in_matroska():
    ffmpeg(*pattern(3), *sine(3), "-c:v", "libx264", "-g", 12, "-c:a", "aac", "e.mp4")
    ffmpeg("-ss", 0.7, "-i", "e.mp4", "-c", "copy", "ecut.mp4")
    for output in ("ecut2.mkv", "ecut2.mp4"):
        esrgan("ecut.mp4", "-o", output)
        sound, pictures = packets(output, "a:0")[0] if output.endswith("mkv") else 0, times(output)[0]
        assert pictures - max(0, sound) < 0.1, f"{output}: pictures from {pictures}, sound from {sound}"
        assert abs(len(times(output)) - len(times("ecut.mp4"))) == 0


# ---- what a film is made of ----

@case
def text_subtitles_are_converted():
    (work / "s.srt").write_text("1\n00:00:00,200 --> 00:00:00,600\nHello\n\n2\n00:00:00,700 --> 00:00:00,900\nGood bye\n")
    ffmpeg(*pattern(1), "-i", "s.srt", "-c:v", "libx264", "-c:s", "mov_text", "mt.mp4")
    ffmpeg(*pattern(1), "-i", "s.srt", "-c:v", "libx264", "-c:s", "srt", "srt.mkv")
    ffmpeg(*pattern(1), "-i", "s.srt", "-c:v", "libx264", "-c:s", "ass", "ass.mkv")
    ffmpeg(*pattern(1), "-i", "s.srt", "-c:v", "libvpx-vp9", "-c:s", "webvtt", "vtt.webm")
    for source, output, codec in (("mt.mp4", "mt.mkv", "subrip"), ("srt.mkv", "srt.mp4", "mov_text"),
                                  ("ass.mkv", "ass.mp4", "mov_text"), ("vtt.webm", "vtt.mp4", "mov_text"),
                                  ("srt.mkv", "srt.webm", "webvtt"), ("mt.mp4", "mt.webm", "webvtt")):
        more = ["--encoder-options", "cpu-used=8"] if output.endswith("webm") else []
        esrgan(source, "-o", output, *more, says="becomes")
        assert stream(output, "codec_name", "s:0") == codec
        assert texts(output) == [("00:00:00,20", "00:00:00,60", "Hello"), ("00:00:00,70", "00:00:00,90", "Good bye")], texts(output)


@case
def sound_is_encoded_when_asked():
    ffmpeg(*pattern(1), "-f", "lavfi", "-i", "sine=440:d=1:r=44100", "-c:v", "libx264", "-c:a", "pcm_s16le", "pcm.mkv")
    esrgan("pcm.mkv", "-o", "pcm.webm", status=1, says="--audio-encoder libopus")
    assert not (work / "pcm.webm.parts").exists()
    esrgan("pcm.mkv", "-o", "pcm.mp4", "--audio-encoder", "aac")
    assert stream("pcm.mp4", "codec_name", "a:0") == "aac"
    esrgan("pcm.mkv", "-o", "opus.webm", "--audio-encoder", "libopus")
    assert stream("opus.webm", "codec_name", "a:0") == "opus"
    esrgan("pcm.mkv", "-o", "flac.mkv", "--audio-encoder", "flac")
    assert raw_sound("flac.mkv") == raw_sound("pcm.mkv")
    esrgan("pcm.mkv", "-o", "no.mkv", "--audio-encoder", "nonsense", status=2, says="--audio-encoder")


def raw_sound(file):
    return ffmpeg("-i", file, "-f", "s16le", "-")


@case
def names_tell_the_codec():
    ffmpeg(*pattern(0.4), "-c:v", "libx264", "-pix_fmt", "yuv420p", "one.mp4")
    for name, codec in (("o.hevc", "hevc"), ("o.h265", "hevc"), ("o.265", "hevc"), ("o.m2v", "mpeg2video"), ("o.mjpeg", "mjpeg"),
                        ("o.mjpg", "mjpeg"), ("o.h264", "h264"), ("o.wmv", "wmv2"), ("o.mpg", "mpeg2video"),
                        ("o.vob", "mpeg2video"), ("o.ogv", "theora"), ("o.avi", "h264"), ("o.mkv", "h264")):
        esrgan("one.mp4", "-o", name)
        assert stream(name, "codec_name") == codec, f"{name}: {stream(name, 'codec_name')}"
        if codec != "theora":  # which leaves out frames that are like the one before
            assert len(raw(name, "gray")) == 10 * 64 * 48, name
    esrgan("one.mp4", "-o", "x.hevc", "--encoder", "libx264", status=1, says="cannot hold the video")


@case
def motion_jpeg_and_qualities():
    ffmpeg(*pattern(0.4), "-c:v", "libx264", "-pix_fmt", "yuv420p", "one.mp4")
    esrgan("one.mp4", "-o", "j.avi", "--encoder", "mjpeg")
    assert stream("j.avi", "codec_name") == "mjpeg"
    esrgan("one.mp4", "-o", "q.mkv", "--crf", 99, status=2, says="0 to 51")
    assert not (work / "q.mkv.parts").exists()


@case
def rgb_keeps_its_colours():
    filters = "nullsrc=s=64x48:r=25:d=0.08,format=gbrp,geq=r='255*mod(X,2)':g=0:b='255*(1-mod(X,2))'"
    ffmpeg("-f", "lavfi", "-i", filters, "-c:v", "libx264rgb", "-crf", 0, "rgb.mkv")
    esrgan("rgb.mkv", "-o", "rgb2.mkv", "--crf", 1)
    a, b = raw("rgb.mkv", "rgb24"), raw("rgb2.mkv", "rgb24")
    error = sum((x - y) ** 2 for x, y in zip(a, b)) / len(a)
    assert error < 30, f"mean squared error {error}"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d=0.08,format=gbrp12", "-c:v", "ffv1", "deep.mkv")
    esrgan("deep.mkv", "-o", "deep2.mkv")
    assert stream("deep2.mkv", "pix_fmt") == "yuv444p12le", stream("deep2.mkv", "pix_fmt")
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d=0.08,format=rgb24", "-c:v", "png", "png.mov")
    esrgan("png.mov", "-o", "png.mp4")
    assert stream("png.mp4", "pix_fmt") == "yuv444p", stream("png.mp4", "pix_fmt")
    # Animations are made for all players.
    ffmpeg(*pattern(0.4), "a.gif")
    esrgan("a.gif", "-o", "gif.mp4")
    assert stream("gif.mp4", "pix_fmt") == "yuv420p"


@case
def gray_with_alpha():
    ffmpeg(*pattern(0.4), "-vf", "format=ya8", "-c:v", "png", "ya.mov")
    esrgan("ya.mov", "-o", "ya.webm")
    assert stream("ya.webm", "width") == 64
    esrgan("ya.mov", "-o", "ya/", model="tiny")
    assert len(list((work / "ya").glob("*.png"))) == 10


@case
def several_video_streams():
    ffmpeg(*pattern(0.4), "-f", "lavfi", "-i", "testsrc=s=32x32:r=25:d=0.4", "-map", 0, "-map", 1, "-c:v", "libx264", "-pix_fmt", "yuv420p", "two.mkv")
    esrgan("two.mkv", "-o", "first.mkv", model="tiny", says="is copied as it is")
    assert (stream("first.mkv", "width"), stream("first.mkv", "width", "v:1")) == (128, 32)
    esrgan("two.mkv", "-o", "second.mkv", "--video-stream", 1, model="tiny")
    assert (stream("second.mkv", "width"), stream("second.mkv", "width", "v:1")) == (64, 64)
    esrgan("two.mkv", "-o", "third.mkv", "--video-stream", 2, status=2, says="0 to 1")


@case
def streams_that_turn_up_late():
    ffmpeg(*pattern(12), *sine(12), "-c:v", "mpeg2video", "-b:v", "6M", "-minrate", "6M", "-maxrate", "6M", "-bufsize", "2M", "-c:a", "mp2", "a.mpg")
    ffmpeg(*pattern(2), *sine(2), *sine(2), "-map", 0, "-map", 1, "-map", 2, "-c:v", "mpeg2video", "-c:a", "mp2", "b.mpg")
    (work / "late.mpg").write_bytes((work / "a.mpg").read_bytes() + (work / "b.mpg").read_bytes())
    known = len(probe("late.mpg", "stream=index", select=None)["streams"])
    esrgan("late.mpg", "-o", "late.mkv")
    found = [s["codec_type"] for s in probe("late.mkv", "stream=codec_type", select=None)["streams"]]
    assert found.count("audio") == 2, f"{found}; ffprobe knows {known} streams at once"
    assert len(packets("late.mkv", "a:1")) > 50, len(packets("late.mkv", "a:1"))


@case
def time_codes_raise_no_alarm():
    (work / "c.txt").write_text(";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=500\ntitle=One\n")
    ffmpeg(*pattern(1), "-i", "c.txt", "-map_chapters", 1, "-c:v", "libx264", "-timecode", "01:00:00:00", "tc.mov")
    said = esrgan("tc.mov", "-o", "tc2.mov")
    assert "left out" not in said, said
    assert probe("tc2.mov", "stream_tags=timecode", select="v:0")["streams"][0]["tags"]["timecode"] == "01:00:00:00"
    assert len(probe("tc2.mov", "chapter=id", select=None)["chapters"]) == 1


@case
def dolby_vision_without_a_base_is_refused():
    ffmpeg(*pattern(0.4), "-c:v", "libx265", "-tag:v", "hvc1", "-x265-params", "log-level=none", "-movflags", "+faststart", "h.mp4")
    data = bytearray((work / "h.mp4").read_bytes())
    box = struct.pack(">I4s", 32, b"dvcC") + bytes([1, 0, 5 << 1, 0b1101]) + bytes([0] * 20)
    at = data.index(b"hvcC") - 4
    size = struct.unpack(">I", data[at:at + 4])[0]
    data[at + size:at + size] = box

    def grow(name, start):
        where = data.rindex(name, 0, start) - 4
        data[where:where + 4] = struct.pack(">I", struct.unpack(">I", data[where:where + 4])[0] + len(box))

    for name in (b"hvc1", b"stsd", b"stbl", b"minf", b"mdia", b"trak", b"moov"):
        grow(name, at)
    where = data.index(b"stco") + 8  # what lies behind the index has moved
    count = struct.unpack(">I", data[where:where + 4])[0]
    for i in range(count):
        p = where + 4 + 4 * i
        data[p:p + 4] = struct.pack(">I", struct.unpack(">I", data[p:p + 4])[0] + len(box))
    (work / "dv.mp4").write_bytes(data)
    esrgan("dv.mp4", "-o", "dv.mkv", status=1, says="Dolby Vision profile 5")


# ---- fields ----

@case
def films_that_mix_fields_and_frames():
    ffmpeg(*pattern(3), "-c:v", "mpeg2video", "-q:v", 2, "-g", 12, "-f", "mpegts", "whole.ts")
    ffmpeg(*pattern(1, rate=50), "-vf", "tinterlace=interleave_top", "-c:v", "mpeg2video", "-flags", "+ilme+ildct", "-top", 1, "-q:v", 2,
           "-g", 12, "-f", "mpegts", "laced.ts")
    (work / "begins_whole.ts").write_bytes((work / "whole.ts").read_bytes() + (work / "laced.ts").read_bytes())
    said = esrgan("begins_whole.ts", "-o", "mixed.mkv", model="tiny", says="frames are interlaced, the others whole")
    assert "marked as progressive" in said
    assert stream("mixed.mkv", "field_order") in (None, "progressive", "unknown")
    ffmpeg(*pattern(1), "-c:v", "mpeg2video", "-q:v", 2, "-g", 12, "-f", "mpegts", "whole1.ts")
    ffmpeg(*pattern(3, rate=50), "-vf", "tinterlace=interleave_top", "-c:v", "mpeg2video", "-flags", "+ilme+ildct", "-top", 1, "-q:v", 2,
           "-g", 12, "-f", "mpegts", "laced3.ts")
    (work / "mostly_laced.ts").write_bytes((work / "whole1.ts").read_bytes() + (work / "laced3.ts").read_bytes())
    esrgan("mostly_laced.ts", "-o", "mixed2.mkv", model="tiny", says="marked as interlaced")
    assert stream("mixed2.mkv", "field_order") == "tt"


@case
def films_on_television_become_films():
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=128x96:r=24000/1001:d=4", "-vf", "telecine=pattern=23", "-c:v", "mpeg2video", "-flags", "+ilme+ildct",
           "-q:v", 2, "-g", 15, "tc.mkv")
    esrgan("tc.mkv", "-o", "film.mkv", "--deinterlace", "film")
    before, after = len(times("tc.mkv")), len(times("film.mkv"))
    assert abs(after - before * 4 / 5) <= 2, (before, after)
    assert stream("film.mkv", "avg_frame_rate") == "24000/1001", stream("film.mkv", "avg_frame_rate")


# ---- damage and drop-outs ----

@case
def half_a_download():
    ffmpeg(*pattern(2, size="160x120"), *sine(2), "-c:v", "libx264", "-g", 12, "-c:a", "aac", "whole.mkv")
    ffmpeg("-i", "whole.mkv", "-c", "copy", "-movflags", "+faststart", "whole.mp4")
    ffmpeg(*pattern(2, size="160x120"), "-c:v", "mpeg4", "-q:v", 3, "whole.avi")
    for name in ("whole.mkv", "whole.mp4", "whole.avi"):
        data = (work / name).read_bytes()
        cut = name.replace("whole", "cut")
        (work / cut).write_bytes(data[:len(data) * 6 // 10])
        told = esrgan(cut, "-o", f"{cut}.out.mkv", "--json", status=1, says="not whole")
        done = [json.loads(line) for line in told.splitlines() if line.startswith('{"event":"done"')]
        assert done and done[0]["complete"] is False, told
        assert 5 < len(times(f"{cut}.out.mkv")) < 50
        whole = esrgan(name, "-o", f"{name}.out.mkv", "--json")
        assert '"complete":true' in whole


@case
def a_drive_that_fails_never_makes_a_shorter_film():
    ffmpeg(*pattern(6, size="160x120"), *sine(6), "-c:v", "libx264", "-g", 12, "-c:a", "aac", "drive.mkv")
    ffmpeg("-i", "drive.mkv", "-c", "copy", "drive.mp4")
    ffmpeg("-i", "drive.mkv", "-c:v", "mpeg2video", "-c:a", "mp2", "drive.ts")
    for name in ("drive.mkv", "drive.mp4", "drive.ts"):
        esrgan(name, "-o", f"good-{name}.mkv", "--segment-frames", 25)
        good = (work / f"good-{name}.mkv").read_bytes()
        failed = 0
        for at in list(range(1, 12)) + sorted(random.sample(range(12, 60), 6)):
            for how in ("EIO", "END"):
                sign = work / "failed"
                sign.unlink(missing_ok=True)
                result = subprocess.run([program, "video", name, "-o", "out.mkv", "-m", "none", "--segment-frames", "25"],
                                        capture_output=True, text=True, stdin=subprocess.DEVNULL,
                                        env={**os.environ, "LD_PRELOAD": shim, "ESRGAN_FAIL_READ_AT": str(at), "ESRGAN_FAIL_READ_OF": name,
                                             "ESRGAN_FAIL_READ_AS": how, "ESRGAN_FAILED": str(sign)})
                output = work / "out.mkv"
                at_the_end = how == "END" and result.returncode == 0  # the file ended there anyway: the film is whole, see below
                if sign.exists() and not at_the_end:
                    failed += 1
                    assert result.returncode == 1, f"{name}, read {at}, {how}: status {result.returncode}: {result.stderr}"
                    assert name in result.stderr, result.stderr
                    assert not output.exists(), f"{name}, read {at}, {how}: a film was made"
                    esrgan(name, "-o", "out.mkv", "--segment-frames", 25)  # goes on
                assert output.read_bytes() == good, f"{name}, read {at}, {how}: another film"
                output.unlink()
                shutil.rmtree("out.mkv.parts", ignore_errors=True)
        assert failed > 10, f"{name}: only {failed} reads failed"


# ---- jobs ----

@case
def two_runs_on_one_output():
    ffmpeg(*pattern(20), "-c:v", "libx264", "c.mp4")
    # The first waits for a reader of its progress: it is at work for sure.
    first = subprocess.Popen([program, "video", "c.mp4", "-o", "tw.mp4", "-m", "tiny", "--segment-frames", "20", "-j", "1"], stderr=subprocess.DEVNULL)
    while not (work / "tw.mp4.parts").exists() and first.poll() is None:
        time.sleep(0.005)
    second = subprocess.run([program, "video", "c.mp4", "-o", "tw.mp4", "-m", "tiny", "--segment-frames", "20", "-j", "1"], capture_output=True, text=True)
    assert first.wait() == 0
    assert "another process is at work" in second.stderr or "exists, skipped" in second.stderr, second.stderr
    assert len(times("tw.mp4")) == 500


@case
def resuming_tells_what_differs():
    ffmpeg(*pattern(2), "-c:v", "libx264", "c.mp4")
    ffmpeg(*pattern(2, size="80x48"), "-c:v", "libx264", "d.mp4")
    esrgan("c.mp4", "-o", "r.mkv", "--segment", "1/2", "--segment-frames", 10)
    esrgan("c.mp4", "-o", "r.mkv", "--segment-frames", 10, "--crf", 30, status=1, says="--crf: not given there, 30.0 here")
    esrgan("c.mp4", "-o", "r.mkv", "--segment-frames", 10, "--hwaccel", "auto", status=1, says="--hwaccel")
    shutil.copy("d.mp4", "c.mp4")
    esrgan("c.mp4", "-o", "r.mkv", "--segment-frames", 10, status=1, says="the film is another")


@case
def shares_are_joined_elsewhere():
    ffmpeg(*pattern(2), *sine(2), "-c:v", "libx264", "-c:a", "aac", "c.mp4")
    for share in ("1/2", "2/2"):
        esrgan("c.mp4", "-o", "j.mkv", "--segment", share, "--segment-frames", 10)
    (work / "elsewhere").mkdir()
    shutil.move("c.mp4", "elsewhere/c.mp4")
    esrgan("-o", "j.mkv", "--join", status=1, says="c.mp4", model=None)
    esrgan("-o", "j.mkv", "--join", "--others-from", "elsewhere/c.mp4", model=None)
    assert stream("j.mkv", "codec_name", "a:0") == "aac"


@case
def a_long_name():
    ffmpeg(*pattern(0.4), "-c:v", "libx264", "one.mp4")
    name = "é" * 120 + ".mp4"
    esrgan("one.mp4", "-o", name)
    assert len(times(name)) == 10
    name = "n" * 251 + ".mp4"
    esrgan("one.mp4", "-o", name)
    assert not [entry for entry in os.listdir() if entry.endswith(".parts")]


@case
def what_is_refused_leaves_nothing():
    ffmpeg(*pattern(0.4), "-c:v", "libx264", "one.mp4")
    esrgan("one.mp4", "-o", "r1.mkv", "--container-options", "nonsense=1", status=2, says="--container-options")
    esrgan("one.mp4", "-o", "r2.mkv", "--encoder-options", "nonsense=1", status=2, says="--encoder-options")
    assert not [entry for entry in os.listdir() if entry.startswith(("r1.", "r2."))]


@case
def numbered_pictures_with_a_gap():
    (work / "sq").mkdir()
    ffmpeg(*pattern(0.4), "-start_number", 100, "sq/f%04d.png")
    (work / "sq/f0103.png").unlink()
    esrgan("sq/f%04d.png", "-o", "sq.mkv", "--fps", 25, says="behind sq/f0102.png")
    near("the rest", times("sq.mkv"), [i * 0.04 for i in range(10) if i != 3])


# ---- containers ----

@case
def mp4_begins_with_its_index():
    ffmpeg(*pattern(0.4), "-c:v", "libx264", "one.mp4")
    esrgan("one.mp4", "-o", "fast.mp4")
    data = (work / "fast.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    esrgan("one.mp4", "-o", "slow.mp4", "--container-options", "movflags=0")
    data = (work / "slow.mp4").read_bytes()
    assert data.index(b"moov") > data.index(b"mdat")


@case
def sizes():
    ffmpeg(*pattern(0.4), "-c:v", "libx264", "-pix_fmt", "yuv420p", "one.mp4")
    for arguments, size in ((["--width", 200], (200, 150)), (["--height", 100], (134, 100)), (["--fit", "300x100"], (134, 100)),
                            (["--width", 100, "--height", 100], (100, 100)), (["--longest", 256], (256, 192))):
        esrgan("one.mp4", "-o", "size.mkv", *arguments, "--overwrite", model="tiny")
        assert (stream("size.mkv", "width"), stream("size.mkv", "height")) == size, (arguments, stream("size.mkv", "width"))
    esrgan("one.mp4", "-o", "s.mkv", "--fit", "300", status=2, says="--fit")


@case
def dithering_hides_steps():
    # A slow ramp of 10 bits: its mean survives in 8 bits, whatever the place.
    ffmpeg("-f", "lavfi", "-i", "nullsrc=s=256x64:r=25:d=0.08,format=gray10,geq=lum='400+X/16'", "-c:v", "ffv1", "ramp.mkv")
    for kind in ("none", "ordered", "diffusion"):
        esrgan("ramp.mkv", "-o", f"{kind}.mkv", "--dither", kind, "--encoder", "ffv1", "--pixel-format", "gray")
        esrgan("ramp.mkv", "-o", f"{kind}2.mkv", "--dither", kind, "--encoder", "ffv1", "--pixel-format", "gray")
        assert (work / f"{kind}.mkv").read_bytes() == (work / f"{kind}2.mkv").read_bytes()
    line = {}
    for kind in ("none", "ordered", "diffusion"):
        picture = raw(f"{kind}.mkv", "gray")[:256 * 64]
        line[kind] = [sum(picture[y * 256 + x] for y in range(64) for x in range(b, b + 16)) / 1024 for b in range(0, 256, 16)]
    for kind in ("ordered", "diffusion"):
        steps = [b - a for a, b in zip(line[kind], line[kind][1:])]
        assert max(steps) < 0.5 and min(steps) > 0.05, (kind, line[kind])
    assert max(b - a for a, b in zip(line["none"], line["none"][1:])) > 0.9


@case
def animations():
    ffmpeg("-f", "lavfi", "-i", "color=red@0:s=48x48:r=50:d=1,format=rgba", "-f", "lavfi", "-i", "testsrc2=s=16x16:r=50:d=1",
           "-filter_complex", "[0][1]overlay=x=n:y=10:format=rgb,select='eq(n,0)+eq(n,3)+eq(n,10)+eq(n,30)',split[a][b];"
           "[a]palettegen=reserve_transparent=1[p];[b][p]paletteuse=alpha_threshold=128", "-fps_mode", "vfr", "-loop", 2, "-final_delay", 77, "v.gif")
    delays = [0.06, 0.14, 0.4, 0.77]

    def spans(file):
        return [float(p["duration_time"]) for p in probe(file, "packet=duration_time", select="v:0")["packets"]]

    near("the source", spans("v.gif"), delays)
    for name in ("o.gif", "o.apng", "o.webp"):
        esrgan("v.gif", "-o", name, model="tiny")
        data = (work / name).read_bytes()
        if name == "o.webp":
            frames = [m.start() for m in re.finditer(b"ANMF", data)]
            found = [int.from_bytes(data[p + 20:p + 23], "little") / 1000 for p in frames]
            plays = int.from_bytes(data[data.index(b"ANIM") + 12:][:2], "little")
        else:
            found = spans(name)
            at = data.index(b"NETSCAPE2.0") + 13 if name == "o.gif" else data.index(b"acTL") + 8
            plays = int.from_bytes(data[at:at + 2], "little") + 1 if name == "o.gif" else int.from_bytes(data[at:at + 4], "big")
            assert stream(name, "width") == 96
            before = raw("v.gif", "rgba", "-vf", "scale=96:96:flags=neighbor")
            after = raw(name, "rgba")
            assert len(before) == len(after)
            wrong = sum((a < 128) != (b < 128) for a, b in zip(before[3::4], after[3::4])) / (len(after) / 4)
            assert wrong < 0.03, f"{name}: {wrong} of the alpha is another"
        near(name, found, delays)
        assert plays == 3, f"{name}: {plays} times"
    esrgan("v.gif", "-o", "e.gif", "--encoder", "libx264", status=2, says="--encoder")
    esrgan("o.webp", "-o", "back.gif")
    near("from WebP", spans("back.gif"), delays)
    esrgan("o.webp", "-o", "back.mkv")
    assert stream("back.mkv", "width") == 96


# ---- pipes ----

@case
def pipes_give_the_same():
    ffmpeg(*pattern(4), "-pix_fmt", "yuv420p", "p.y4m")
    esrgan("p.y4m", "-o", "file.y4m", model="tiny")
    command = [program, "video", "-", "-o", "-", "-m", "tiny"]
    piped = subprocess.run(command, stdin=open("p.y4m", "rb"), capture_output=True)
    assert piped.returncode == 0, piped.stderr
    assert piped.stdout == (work / "file.y4m").read_bytes()
    reading = subprocess.Popen(["ffmpeg", "-v", "error", "-i", "p.y4m", "-f", "yuv4mpegpipe", "-"], stdout=subprocess.PIPE)
    middle = subprocess.Popen(command, stdin=reading.stdout, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    last = subprocess.run(["ffmpeg", "-v", "error", "-i", "-", "-f", "rawvideo", "-"], stdin=middle.stdout, capture_output=True)
    assert last.stdout == raw("file.y4m", "yuv420p"), "through ffmpeg"
    # To a film, and with the sound of one.
    ffmpeg("-i", "p.y4m", *sine(4), "-c:v", "ffv1", "-c:a", "aac", "p.mkv")
    esrgan("p.y4m", "-o", "direct.mkv", model="tiny")
    told = subprocess.run([program, "video", "-", "-o", "piped.mkv", "-m", "tiny", "--others-from", "p.mkv"], stdin=open("p.y4m", "rb"),
                          capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    assert raw("direct.mkv", "yuv420p") == raw("piped.mkv", "yuv420p")
    assert stream("piped.mkv", "codec_name", "a:0") == "aac"


@case
def named_pipes_and_stopping():
    ffmpeg(*pattern(1), "-pix_fmt", "yuv420p", "p.y4m")
    os.mkfifo("in.fifo")
    for sent in (signal.SIGINT, signal.SIGTERM):  # nobody writes
        waiting = subprocess.Popen([program, "video", "in.fifo", "-o", "w.mkv", "-m", "none"], stderr=subprocess.PIPE)
        while "film" not in pathlib.Path(f"/proc/{waiting.pid}/comm").read_text() and "esrgan-video" not in pathlib.Path(f"/proc/{waiting.pid}/comm").read_text():
            time.sleep(0.01)
        while not any("in.fifo" in os.path.realpath(fd) for fd in pathlib.Path(f"/proc/{waiting.pid}/fd").iterdir()):
            time.sleep(0.01)
        waiting.send_signal(sent)
        assert waiting.wait(timeout=30) == 130
        assert not (work / "w.mkv.parts").exists()
    running = subprocess.Popen([program, "video", "in.fifo", "-o", "w.mkv", "-m", "none"], stderr=subprocess.PIPE)
    with open("in.fifo", "wb") as pipe:
        pipe.write((work / "p.y4m").read_bytes())
    assert running.wait(timeout=120) == 0, running.stderr.read()
    assert len(times("w.mkv")) == 25
    ffmpeg("-i", "p.y4m", "-c:v", "libx264", "m.mkv")
    refused = subprocess.run([program, "video", "-", "-o", "m2.mkv", "-m", "none"], stdin=open("m.mkv", "rb"), capture_output=True, text=True)
    assert refused.returncode == 1 and "matroska" in refused.stderr and "YUV4MPEG2" in refused.stderr, refused.stderr
    closed = subprocess.run(f"'{program}' video p.y4m -o - -m none | head -c 100 >/dev/null; exit ${{PIPESTATUS[0]}}", shell=True,
                            executable="/bin/bash", capture_output=True, text=True)
    assert closed.returncode == 1 and "standard output" in closed.stderr, closed.stderr


failures = []
for function in cases:
    if chosen and function.__name__ not in chosen:
        continue
    folder = work / "cases" / function.__name__
    folder.mkdir(parents=True)
    begin = time.time()
    outer = work
    work = folder
    os.chdir(folder)
    try:
        function()
        result = "ok"
    except Exception as error:  # the other cases are still of interest
        failures.append(function.__name__)
        result = "FAILED: " + (str(error) if isinstance(error, AssertionError) else traceback.format_exc())[:1500]
    work = outer
    print(f"{function.__name__}: {result} ({time.time() - begin:.1f} s)", flush=True)
if not os.environ.get("ESRGAN_TEST_KEEP"):
    shutil.rmtree(work, ignore_errors=True)
print(f"{len(failures)} failed")
sys.exit(1 if failures else 0)
