using System.Runtime.InteropServices;
using Granary.Torch.Devices;

namespace Granary.Models.Tests.Devices;

/// <summary>What is asked of NVIDIA's libraries, of a stand-in for them.</summary>
public sealed unsafe class CudaTests(CudaTests.Libraries libraries) : IClassFixture<CudaTests.Libraries>
{
    [Fact]
    public void Copy_ToTheHost_WaitsForWhatWasBegunBefore_OnAStreamOfItsOwn_AndIsMeasured()
    {
        var clock = new DeviceClock();
        var streams = CudaStreams.Find(clock, libraries.Path)!;
        float[] from = [1, 2, 3], into = new float[3];
        fixed (float* source = from, target = into)
        {
            Assert.True(streams.CopyToHost(target, source, 3 * sizeof(float)));
            streams.Settle();
            Assert.Equal(from, into);
            // A record on stream 0, which the new one waits for; the copy between two more.
            var first = libraries.Written;
            Assert.Matches(@"^stream (\d+) 1\nrecord (\d+) 0\nwait \1 \2\nrecord \d+ \1\nto-host 12 \1\nrecord \d+ \1\n$", first);
            Assert.Equal(TimeSpan.FromMilliseconds(2), clock[DeviceWork.Copy]);
            Assert.True(streams.CopyToHost(target, source, 4));
            Assert.DoesNotContain("stream", libraries.Written[first.Length..], StringComparison.Ordinal);

            libraries.FailCopies(true);
            Assert.False(streams.CopyToHost(target, source, 4));
            libraries.FailCopies(false);
            using (streams.Measure(DeviceWork.Exchange))
            {
                Assert.Equal(TimeSpan.Zero, clock[DeviceWork.Exchange]);
            }
            streams.Settle();
            streams.Settle();
        }
        Assert.Equal((TimeSpan.FromMilliseconds(4), TimeSpan.FromMilliseconds(1)), (clock[DeviceWork.Copy], clock[DeviceWork.Exchange]));
    }

    [Fact]
    public void Streams_WithoutARuntime_AreNotThere()
    {
        Assert.Null(CudaStreams.Find(new(), "libno-such-runtime.so"));
        Assert.Null(CudaStreams.Find(new(), "libc.so.6"));
    }

    [Fact]
    public void Gpu_IsDescribed_AndItsMemoryFoundByItsIdentity()
    {
        var gpu = CudaDriver.Describe(1, libraries.Path)!;
        Assert.Equal(("Stand-in 1, 81 GiB, compute capability 9.0", 132, "GPU-01112131-4151-6171-8191-a1b1c1d1e1f1"), ($"{gpu}", gpu.Multiprocessors, gpu.Identity));
        Assert.Equal((40, 60), GpuMemory.Of(gpu.Identity, libraries.Path));
        Assert.Null(GpuMemory.Of("GPU-of-another", libraries.Path));
        Assert.Null(GpuMemory.Of(gpu.Identity, "libno-such-library.so"));
        Assert.Null(CudaDriver.Describe(2, libraries.Path));
    }

    [Fact]
    public void Reading_OfTheProcessor_IsThatOfTheProcess()
    {
        var reading = Assert.Single(TorchDevices.Read(), device => device.Device == "cpu");
        Assert.True(reading.Memory is { Used: > 1 << 20, Free: > 0 });
    }

    public sealed class Libraries : CompiledLibrary
    {
        private readonly nint loaded;

        public Libraries() : base("cuda.c") => loaded = NativeLibrary.Load(Path);

        public string Written => Marshal.PtrToStringUTF8(((delegate* unmanaged<nint>)NativeLibrary.GetExport(loaded, "standin_written"))())!;

        public void FailCopies(bool fail) => ((delegate* unmanaged<int, void>)NativeLibrary.GetExport(loaded, "standin_fail_copies"))(fail ? 1 : 0);
    }
}
