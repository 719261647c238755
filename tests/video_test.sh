#!/usr/bin/env bash
# video_test.sh PROGRAM: films made here by ffmpeg, enlarged by a tiny network (x2), and compared with ffprobe.
set -uo pipefail
program=$1
here=$(cd "$(dirname "$0")" && pwd)
source "$here/expect.sh"
/usr/bin/python3 "$here/tiny_model.py" models/tiny.safetensors
make() { ffmpeg -v error -nostdin -y "$@" || fail "ffmpeg $*"; }
# enlarge INPUT OUTPUT OPTIONS...: must succeed.
enlarge() {
  local input=$1 output=$2
  shift 2
  expect 0 "frames" "$program" video "$input" -o "$output" -m tiny "$@"
}
# probe FILE STREAM ENTRIES: values of one stream, one a line.
probe() { ffprobe -v error -select_streams "$2" -show_entries "$3" -of default=noprint_wrappers=1:nokey=1 "$1"; }
# same WHAT A B: two texts are equal.
same() { [ "$2" = "$3" ] || fail "$1: '${2:0:300}' and '${3:0:300}' differ"; }
# times FILE: presentation times of the video's frames, in seconds.
times() { ffprobe -v error -select_streams v:0 -show_entries frame=best_effort_timestamp_time -of csv=p=0 "$1" | grep -oE '^[0-9.]+'; }
# frames FILE: how many can be decoded.
frames() { ffprobe -v error -select_streams v:0 -count_frames -show_entries stream=nb_read_frames -of csv=p=0 "$1" | tr -dc 0-9; }
# packets FILE STREAM: times and checksums of packets.
packets() { ffprobe -v error -select_streams "$2" -show_packets -show_data_hash md5 -show_entries packet=pts_time,duration_time,data_hash -of csv=p=0 "$1"; }
# kept WHAT A B STREAM: a copied stream's packets are the same, bit for bit and in time.
kept() { same "$1" "$(packets "$2" "$4")" "$(packets "$3" "$4")"; }
colours=stream=color_range,color_space,color_transfer,color_primaries
part() {
  # The name of the part that follows, and how long the test has run, for those who watch.
  echo "[$SECONDS s] $1"
}

part "variable frame rate, two sound tracks, subtitles, attachment, chapters"
cat >chapters.txt <<'TEXT'
;FFMETADATA1
title=A film
artist=Nobody
[CHAPTER]
TIMEBASE=1/1000
START=0
END=900
title=One
[CHAPTER]
TIMEBASE=1/1000
START=900
END=2000
title=Two
TEXT
cat >lines.ass <<'TEXT'
[Script Info]
ScriptType: v4.00+
[V4+ Styles]
Format: Name, Fontname, Fontsize
Style: Default,Sans,20
[Events]
Format: Layer, Start, End, Style, Text
Dialogue: 0,0:00:00.10,0:00:00.80,Default,Hello
Dialogue: 0,0:00:01.00,0:00:01.60,Default,{\i1}Good bye
TEXT
head -c 3000 /dev/urandom >font.ttf
make -f lavfi -i testsrc=s=64x48:r=50:d=2 -f lavfi -i sine=440:d=2 -f lavfi -i sine=880:d=2 -i lines.ass -i chapters.txt \
  -map 0:v -map 1:a -map 2:a -map 3:s -map_metadata 4 -map_chapters 4 -attach font.ttf -metadata:s:t mimetype=font/ttf \
  -metadata:s:a:0 language=eng -metadata:s:a:1 language=deu -disposition:a:1 comment \
  -vf "select='not(mod(n\,3))+not(mod(n\,7))',setpts=PTS" -fps_mode vfr -c:v libx264 -g 12 -bf 2 -c:a:0 aac -c:a:1 libopus -c:s ass vfr.mkv
enlarge vfr.mkv vfr2.mkv
same "size" "$(probe vfr2.mkv v:0 stream=width,height)" $'128\n96'
same "times of a variable frame rate" "$(times vfr.mkv)" "$(times vfr2.mkv)"
for stream in a:0 a:1 s:0; do kept "vfr $stream" vfr.mkv vfr2.mkv $stream; done
for entries in chapter=start_time,end_time chapter_tags=title format_tags=title,artist stream_tags=language,filename,mimetype \
  stream_disposition=comment,default stream=codec_name,codec_type; do
  same "vfr $entries" "$(ffprobe -v error -show_entries $entries -of compact vfr.mkv)" \
    "$(ffprobe -v error -show_entries $entries -of compact vfr2.mkv)"
done
for file in vfr vfr2; do ffmpeg -v error -y -dump_attachment:t:0 $file.ttf -i $file.mkv 2>/dev/null; done
cmp font.ttf vfr2.ttf || fail "the attachment changed"

part "a container that cannot hold all, and what is said of it"
expect 1 "cannot hold stream 1 (aac audio, eng)" "$program" video vfr.mkv -o vfr.webm -m tiny
[ -e vfr.webm ] || [ -e vfr.webm.parts ] && fail "something was left behind"
enlarge vfr.mkv vfr.webm --skip-unsupported --encoder-options cpu-used=8
same "sound that WebM holds" "$(probe vfr.webm a stream=codec_name)" opus
enlarge vfr.mkv vfr.mp4
same "times in mp4" "$(times vfr.mkv)" "$(times vfr.mp4)"

part "10 bit, HDR10"
make -f lavfi -i testsrc2=s=64x48:r=25:d=0.6 -pix_fmt yuv420p10le -c:v libx265 -x265-params \
  "log-level=none:hdr10=1:repeat-headers=1:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50):max-cll=1000,400" \
  -color_primaries bt2020 -color_trc smpte2084 -colorspace bt2020nc hdr.mkv
for output in hdr2.mkv hdr2.mp4; do
  enlarge hdr.mkv $output
  same "HDR colours in $output" "$(probe hdr.mkv v:0 $colours)" "$(probe $output v:0 $colours)"
  same "10 bits in $output" "$(probe $output v:0 stream=codec_name,pix_fmt)" $'hevc\nyuv420p10le'
  for of in frame_side_data stream_side_data; do
    light=$(ffprobe -v error -select_streams v:0 -read_intervals %+#1 -show_frames -show_streams -of json $output |
      /usr/bin/python3 -c "import json,sys; d=json.load(sys.stdin); l=(d['frames'][0] if '$of'[0]=='f' else d['streams'][0])['side_data_list']; print([(s.get('max_content'), s.get('max_average'), s.get('max_luminance'), s.get('red_x')) for s in l if 'max_content' in s or 'red_x' in s])" 2>&1)
    grep -q "1000, 400" <<<"$light" || fail "$output: $of has no light levels: $light"
    grep -qE "'(10000000/10000|1000/1)'" <<<"$light" || fail "$output: $of has no mastering display: $light"
  done
done

part "a clip that is turned"
make -f lavfi -i testsrc=s=64x48:r=25:d=0.4 -c:v libx264 flat.mp4
/usr/bin/python3 - <<'PYTHON'  # the matrix of the track's header: a quarter turn clockwise
import struct
data = open("flat.mp4", "rb").read()
matrix = lambda *values: struct.pack(">9i", *(int(v * (1 << (30 if i % 3 == 2 else 16))) for i, v in enumerate(values)))
place = data.index(matrix(1, 0, 0, 0, 1, 0, 0, 0, 1), data.index(b"tkhd"))
data = data[:place] + matrix(0, 1, 0, -1, 0, 0, 48, 0, 1) + data[place + 36:]
open("turned.mp4", "wb").write(data)
PYTHON
matrix() { ffprobe -v error -select_streams v:0 -show_entries stream_side_data=rotation -of csv=p=0 "$1"; }
enlarge turned.mp4 turned2.mp4
same "rotation in mp4" "$(matrix turned.mp4)" "$(matrix turned2.mp4)"
enlarge turned.mp4 turned2.mkv
same "size of the turned clip in Matroska" "$(probe turned2.mkv v:0 stream=width,height)" $'96\n128'
for file in turned.mp4 turned2.mkv; do make -i $file -frames:v 1 -vf scale=48:64:flags=area -f rawvideo -pix_fmt gray $file.raw; done
/usr/bin/python3 - <<'PYTHON' || fail "the clip was turned the wrong way"
a, b = (open(f, "rb").read() for f in ("turned.mp4.raw", "turned2.mkv.raw"))
error = sum(abs(x - y) for x, y in zip(a, b)) / len(a)
other = sum(abs(x - y) for x, y in zip(a, b[::-1])) / len(a)
assert len(a) == len(b) and error < other / 2, (error, other)
PYTHON

part "interlaced MPEG-2"
make -f lavfi -i testsrc2=s=64x48:r=50:d=0.8 -vf "tinterlace=interleave_top" -c:v mpeg2video -flags +ilme+ildct -top 1 -q:v 2 -g 6 -bf 2 lace.mpg
enlarge lace.mpg lace2.mkv
same "field order" "$(probe lace2.mkv v:0 stream=field_order)" tt
same "frames of interlaced film" "$(frames lace.mpg)" "$(frames lace2.mkv)"
enlarge lace.mpg lace3.mkv --deinterlace
same "deinterlaced" "$(probe lace3.mkv v:0 stream=field_order)" progressive
same "deinterlaced frames" "$(frames lace.mpg)" "$(frames lace3.mkv)"
enlarge lace.mpg lace4.mkv --deinterlace field
same "frames of fields" "$(($(frames lace.mpg) * 2))" "$(frames lace4.mkv)"

part "interlaced films: many chunks, other formats, as pictures"
make -f lavfi -i testsrc2=s=64x48:r=50:d=24 -vf "tinterlace=interleave_top" -c:v mpeg2video -flags +ilme+ildct -top 1 -q:v 2 -g 12 -bf 2 long.mkv
enlarge long.mkv long2.mkv --deinterlace
same "times of a deinterlaced film" "$(times long.mkv)" "$(times long2.mkv)"
enlarge long.mkv long3.mkv --deinterlace field
same "frames of a film of fields" "$(($(frames long.mkv) * 2))" "$(frames long3.mkv)"
enlarge lace.mpg planar.mkv --encoder ffv1 --pixel-format yuv420p
enlarge lace.mpg packed.mkv --encoder libx264 --pixel-format nv12 --crf 0
quality=$(ffmpeg -v info -i planar.mkv -i packed.mkv -lavfi psnr -f null - 2>&1 | grep -oE 'average:[0-9inf.]+' | cut -d: -f2)
/usr/bin/python3 -c "import sys; sys.exit(float('$quality') < 40)" || fail "fields in nv12: PSNR $quality"
expect 0 "laces/: " "$program" video long.mkv -o laces/ -m none --duration 1
expect 0 "laced.mkv: " "$program" video laces -o laced.mkv -m tiny
same "field order by way of pictures" "$(probe laced.mkv v:0 stream=field_order)" tt

part "VP9 with alpha, ProRes 4444"
make -f lavfi -i testsrc2=s=64x48:r=25:d=0.4 -f lavfi -i "gradients=s=64x48:r=25:d=0.4:c0=black:c1=white:x0=0:y0=0:x1=63:y1=0:speed=0.00001" \
  -filter_complex "[1]format=gray[a];[0][a]alphamerge,format=yuva420p" -c:v libvpx-vp9 -auto-alt-ref 0 alpha.webm
enlarge alpha.webm alpha2.webm
same "alpha mode" "$(probe alpha2.webm v:0 stream_tags=alpha_mode)" 1
for file in alpha alpha2; do make -c:v libvpx-vp9 -i $file.webm -frames:v 1 -vf alphaextract,scale=64:48:flags=area -f rawvideo -pix_fmt gray $file.raw; done
/usr/bin/python3 - <<'PYTHON' || fail "alpha changed"
a, b = (open(f, "rb").read() for f in ("alpha.raw", "alpha2.raw"))
assert len(a) == len(b) == 64 * 48 and max(a) - min(a) > 100
PYTHON
make -c:v libvpx-vp9 -i alpha.webm -c:v prores_ks -profile:v 4444 -pix_fmt yuva444p10le alpha.mov
enlarge alpha.mov alpha2.mov
same "ProRes with alpha" "$(probe alpha2.mov v:0 stream=codec_name,pix_fmt | cut -c1-9)" $'prores\nyuva444p1'

expect 0 "alpha is left out" "$program" video alpha.webm -o opaque.mp4 -m tiny
same "codec of a film without alpha" "$(probe opaque.mp4 v:0 stream=codec_name)" h264

part "palettes, gray"
make -f lavfi -i color=white:s=32x32:r=5:d=1 -vf "fade=in:0:5,format=rgb24,split[a][b];[a]palettegen=stats_mode=single[p];[b][p]paletteuse=new=1" -c:v qtrle -pix_fmt pal8 pal.mov 2>/dev/null
if [ -s pal.mov ]; then
  enlarge pal.mov pal2.mkv --encoder ffv1
  sums() { ffmpeg -v error -i "$1" -vf scale=1:1:flags=area -f rawvideo -pix_fmt gray - | od -An -tu1 | tr -s ' \n' ' '; }
  [ "$(sums pal.mov | wc -w)" -eq "$(sums pal2.mkv | wc -w)" ] && [ "$(sums pal2.mkv | tr ' ' '\n' | sort -u | wc -l)" -gt 3 ] || fail "a palette that fades: $(sums pal.mov), $(sums pal2.mkv)"
fi
make -f lavfi -i color=white:s=32x32:r=5:d=0.4 -vf format=gray,lut=y=235 -color_range tv -c:v ffv1 gray.mkv
expect 0 "grays/: " "$program" video gray.mkv -o grays/ -m none
expect 0 "gray2.mkv: " "$program" video grays/ -o gray2.mkv -m none --encoder ffv1
level() { ffmpeg -v error -i "$1" -frames:v 1 -f rawvideo -pix_fmt gray - | head -c 1 | od -An -tu1 | tr -d ' '; }
same "white by way of pictures" "$(level gray.mkv)" "$(level gray2.mkv)"
make -f lavfi -i color=red:s=32x32:r=5:d=0.4 -c:v ffv1 -pix_fmt yuv444p red.mkv
expect 0 "frames" "$program" video red.mkv -o luma.mkv -m none --encoder ffv1 --pixel-format gray
[ "$(level luma.mkv)" -lt 100 ] || fail "the luma of red is $(level luma.mkv)"

part "24000/1001, one frame, odd sizes, sound alone"
make -f lavfi -i testsrc=s=64x48:r=24000/1001:d=1 -vf setsar=16/15 -c:v libx264 ntsc.mp4
enlarge ntsc.mp4 ntsc2.mp4
same "24000/1001" "$(probe ntsc2.mp4 v:0 stream=r_frame_rate,avg_frame_rate)" $'24000/1001\n24000/1001'
same "sample aspect ratio" "$(probe ntsc2.mp4 v:0 stream=sample_aspect_ratio)" 16:15
same "times of 24000/1001" "$(times ntsc.mp4)" "$(times ntsc2.mp4)"
same "duration" "$(probe ntsc.mp4 v:0 stream=duration)" "$(probe ntsc2.mp4 v:0 stream=duration)"
make -f lavfi -i testsrc=s=64x48:r=25:d=1 -frames:v 1 -c:v libx264 one.mkv
enlarge one.mkv one2.mkv
same "one frame" "$(times one2.mkv)" "$(times one.mkv)"
make -f lavfi -i testsrc=s=63x47:r=25:d=0.2 -pix_fmt yuv444p -c:v ffv1 odd.mkv
enlarge odd.mkv odd2.mkv
same "odd size" "$(probe odd2.mkv v:0 stream=width,height)" $'126\n94'
make -f lavfi -i testsrc=s=63x47:r=25:d=0.2 -pix_fmt yuv420p -c:v ffv1 odd420.mkv
enlarge odd420.mkv odd3.mkv --scale 1.5 --encoder libx264
same "even size" "$(probe odd3.mkv v:0 stream=width,height)" $'94\n70'
make -f lavfi -i sine=440:d=0.5 sound.m4a
expect 1 "holds no video" "$program" video sound.m4a -o sound2.mp4 -m tiny

part "a part of a film, another frame rate, sizes that change"
enlarge vfr.mkv part.mkv --start 0.5 --duration 0.7
same "frames of a part" "$(times vfr.mkv | awk -v origin="$(times vfr.mkv | head -1)" '$1 >= 0.5 && $1 < 1.2' | wc -l)" "$(frames part.mkv)"
[ "$(packets part.mkv a:0 | wc -l)" -lt 40 ] || fail "the sound of a part is too long"
same "chapters of a part" "$(ffprobe -v error -show_entries chapter=start_time,end_time -of csv=p=0 part.mkv)" $'0.000000,0.400000\n0.400000,0.700000'
enlarge ntsc.mp4 rate.mkv --fps 50
[ "$(frames rate.mkv)" -ge 50 ] || fail "--fps 50: $(frames rate.mkv) frames of a second"
same "another frame rate" "$(probe rate.mkv v:0 stream=r_frame_rate)" 50/1
for size in 64x48 96x72; do make -f lavfi -i testsrc2=s=$size:r=25:d=0.4 -c:v mpeg2video -f mpegts $size.ts; done
cat 64x48.ts 96x72.ts >sizes.ts
for where in cpu $("$program" devices | grep -oE -m 1 '^gpu:[0-9]+'); do
  expect 0 "change their size from 64x48 to 96x72" "$program" video sizes.ts -o sizes.mkv -m tiny -g "$where" --overwrite
done
same "size" "$(probe sizes.mkv v:0 stream=width,height)" $'128\n96'

make -f lavfi -i testsrc2=s=64x48:r=25:d=2 -f lavfi -i sine=440:d=2 -c:v libx264 -g 20 -c:a aac once.ts
cat once.ts once.ts >twice.ts
enlarge twice.ts twice.mkv
same "frames of a joined recording" "$(frames twice.mkv)" 100
span() { ffprobe -v error -select_streams "$2" -show_entries packet=pts_time -of csv=p=0 "$1" | tr -d , | sort -n | awk 'NR == 1 {first = $1} {if (NR > 1 && $1 - last > gap) gap = $1 - last; last = $1} END {print (last - first > 3.8 && last - first < 4.2 && gap < 0.2) ? "even" : first " to " last ", gap " gap}'; }
same "times of a joined recording" "$(span twice.mkv v:0)" even
same "sound of a joined recording" "$(span twice.mkv a:0)" even

part "split, enlarge, join: the same as at once"
make -i vfr.mkv -map 0:v -map 0:a:0 -c:v ffv1 -pix_fmt gbrp -c:a copy rgb.mkv
enlarge rgb.mkv at_once.mkv --encoder ffv1
expect 0 "split/: " "$program" video rgb.mkv -o split/ -m none
expect 0 "128x96" "$program" upscale split -o large -m tiny
expect 0 "joined.mkv: " "$program" video large -o joined.mkv -m none --encoder ffv1
cmp at_once.mkv joined.mkv || fail "a film split, enlarged and joined is another than the film enlarged"
expect 0 "frames/: " "$program" video rgb.mkv -o frames/ -m tiny
for file in large/*; do cmp "$file" "frames/${file#large/}" || fail "$file: the video path gives another picture"; done
expect 0 "part/: " "$program" video vfr.mkv -o part/ -m none --start 0.5 --duration 1
expect 0 "slow.mkv: " "$program" video part/ -o slow.mkv -m none --fps 25
[ "$(packets slow.mkv a:0 | wc -l)" -gt 30 ] || fail "the sound of a part was lost on its way through pictures"
rm frames/00000003.png
expect 0 "frames/: " "$program" video rgb.mkv -o frames/ -m tiny
cmp large/00000003.png frames/00000003.png || fail "a missing picture was not made"
expect 0 "pattern.mkv: " "$program" video "split/%08d.png" -o pattern.mkv -m tiny --fps 10
same "frame rate of a pattern" "$(probe pattern.mkv v:0 stream=r_frame_rate)" 10/1
mv split/frames.json .
expect 1 "the times of its pictures are not known" "$program" video split -o untimed.mkv -m tiny
mv frames.json split; rm split/00000002.png
expect 1 "does not fit the pictures" "$program" video split -o short.mkv -m tiny

part "regions that do not change; frames that repeat"
make -f lavfi -i color=gray:s=320x200:r=25:d=0.4 -f lavfi -i color=red:s=12x12:r=25 -filter_complex "[0][1]overlay=x=n*2:y=20:shortest=1,fps=50" -c:v ffv1 -pix_fmt gbrp still.mkv
enlarge still.mkv plain.mkv --encoder ffv1
line=$("$program" video still.mkv -o reused.mkv -m tiny --encoder ffv1 --reuse --json | tail -1)
/usr/bin/python3 -c 'import json,sys; d=json.loads(sys.argv[1]); assert d["event"] == "done" and 0 < d["frames"] == 2 * d["repeated"] and d["reused"] > 0.3, d' "$line" || fail "reuse"
cmp plain.mkv reused.mkv || fail "--reuse changed the film"

part "before and after"
expect 0 "" "$program" video vfr.mkv -o strip.png -m tiny --preview 3
same "size of a preview" "$(probe strip.png v:0 stream=width,height)" $'264\n304'

part "encoders"
for encoder in libx265 libsvtav1 libvpx-vp9 ffv1 mpeg4 prores_ks; do
  case $encoder in prores_ks) output=by_$encoder.mov ;; *) output=by_$encoder.mkv ;; esac
  enlarge ntsc.mp4 $output --encoder $encoder
  same "frames by $encoder" "$(frames ntsc.mp4)" "$(frames $output)"
done
expect 2 "--encoder: expected a video encoder of this FFmpeg, such as libx264" "$program" video ntsc.mp4 -o e.mkv -m tiny --encoder nonsense
expect 2 "--crf: expected an option of ffv1" "$program" video ntsc.mp4 -o e.mkv -m tiny --encoder ffv1 --crf 5
expect 2 "--encoder-options: expected an option of libx264" "$program" video ntsc.mp4 -o e.mkv -m tiny --encoder-options presett=slow
expect 2 "KEY=VALUE" "$program" video ntsc.mp4 -o e.mkv -m tiny --encoder-options preset
expect 2 "--pixel-format: expected one that libx264 takes" "$program" video ntsc.mp4 -o e.mkv -m tiny --pixel-format rgb24
expect 2 "the container cannot be told" "$program" video ntsc.mp4 -o e.xyz -m tiny
expect 1 "does not exist" "$program" video ntsc.mp4 -o nowhere/e.mkv -m tiny
expect 2 "would replace its input" "$program" video ntsc.mp4 -o ntsc.mp4 -m tiny --overwrite
expect 1 "there is no such file" "$program" video nothing.mp4 -o e.mkv -m tiny
expect 1 "there is no frame between" "$program" video ntsc.mp4 -o e.mkv -m tiny --start 9
expect 0 "exists, skipped" "$program" video ntsc.mp4 -o ntsc2.mp4 -m tiny
expect 2 "required" "$program" video ntsc.mp4
ls -d ./*.parts 2>/dev/null && fail "something was left behind"

part "films that a GPU converts"
gpu=$("$program" devices | grep -oE -m 1 '^gpu:[0-9]+')
if [ -z "$gpu" ]; then
  echo "no Vulkan here: skipped"
else
  # The last frames are black: of these the device leaves the decision to the processor.
  make -f lavfi -i "testsrc2=s=96x64:r=10:d=2,fade=out:st=1:d=0.5" -pix_fmt yuv420p10le -c:v ffv1 fade.mkv
  for where in cpu "$gpu"; do
    enlarge fade.mkv by_${where/:/_}.mkv -g "$where" --precision full --encoder ffv1
    enlarge fade.mkv by_${where/:/_}.y4m -g "$where" --precision full
  done
  for kind in mkv y4m; do
    psnr=$(ffmpeg -v info -nostdin -i by_cpu.$kind -i "by_${gpu/:/_}.$kind" -lavfi psnr -f null - 2>&1 | grep -oE 'min:[0-9a-z]+' | cut -d: -f2)
    [ "$psnr" = inf ] || [ "${psnr:-0}" -ge 70 ] || fail "$kind by $gpu: $psnr dB to the processor's"
  done
  same "frames by $gpu" "$(frames fade.mkv)" "$(frames "by_${gpu/:/_}.mkv")"
fi

part "damaged films"
make -f lavfi -i testsrc2=s=96x64:r=25:d=4 -f lavfi -i sine=440:d=4 -c:v libx264 -g 25 -c:a aac good.ts
make -i good.ts -c copy good.mkv
/usr/bin/python3 - <<'PYTHON'
import random
random.seed(2)
for name in ("good.ts", "good.mkv"):
    data = bytearray(open(name, "rb").read())
    for _ in range(40):
        data[random.randrange(len(data) // 4, len(data))] ^= random.randrange(1, 256)
    open(name.replace("good", "bad"), "wb").write(data)
open("cut.ts", "wb").write(open("good.ts", "rb").read()[:60000])
PYTHON
for file in bad.ts bad.mkv; do expect 0 "the input is damaged" "$program" video $file -o $file.out.mkv -m tiny; done
enlarge cut.ts cut.ts.out.mkv
[ "$(frames bad.ts.out.mkv)" -gt 60 ] || fail "few of a damaged film's frames are left: $(frames bad.ts.out.mkv)"
head -c 30000 good.mkv | tail -c 20000 >garbage.mkv
expect 1 "garbage.mkv" "$program" video garbage.mkv -o e.mkv -m tiny

[ "$failures" -eq 0 ] || { echo "$failures failed" >&2; exit 1; }
