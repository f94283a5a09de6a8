using Granary.Torch.Runtime;
using static TorchSharp.torch;

namespace Granary.Models.Tests.Devices;

public sealed class MatmulTests
{
    [Fact]
    public void Begin_PutsTheFormatInForceForProductsAndConvolutions()
    {
        using (Matmul.Begin(Matmul.Tf32))
        {
            Assert.True(backends.cuda.matmul.allow_tf32 && backends.cudnn.allow_tf32);
            // A sample that is drawn within a step is computed as the step is.
            using var within = Matmul.Begin(Matmul.Ieee);
            Assert.True(backends.cuda.matmul.allow_tf32);
        }
        using var ieee = Matmul.Begin(Matmul.Ieee);
        Assert.False(backends.cuda.matmul.allow_tf32 || backends.cudnn.allow_tf32);
    }

    [Fact]
    public async Task Begin_OfAnotherFormat_WaitsForItsTurn_AndGetsIt()
    {
        var order = new List<string>();
        Task other, another;
        using (Matmul.Begin(Matmul.Ieee))
        {
            other = Launch(Matmul.Tf32);
            Assert.True(SpinWait.SpinUntil(() => Matmul.Waiting == 1, TimeSpan.FromSeconds(30)));
            // Who comes later waits behind, though this format is in force.
            another = Launch(Matmul.Ieee);
            Assert.True(SpinWait.SpinUntil(() => Matmul.Waiting == 2, TimeSpan.FromSeconds(30)));
            Assert.Empty(order);
        }
        await Task.WhenAll(other, another);
        Assert.Equal([$"{Matmul.Tf32} True", $"{Matmul.Ieee} False"], order);

        Task Launch(string format) => Task.Factory.StartNew(() =>
        {
            using var mine = Matmul.Begin(format);
            order.Add($"{format} {backends.cuda.matmul.allow_tf32}");
        }, TaskCreationOptions.LongRunning);
    }
}
