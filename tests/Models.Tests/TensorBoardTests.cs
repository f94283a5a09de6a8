using Granary.Testing;
using Granary.Tests.Fakes;
using Granary.Torch;
using Granary.Torch.Data.Images;
using Granary.Training.Runs;
using Granary.Training.Tasks;
using Granary.Training.TensorBoard;
using Tensorboard;

namespace Granary.Models.Tests;

public class TensorBoardTests
{
    private const int Greys = 1;

    /// <summary>Read with the classes that TorchSharp has, which are made from TensorBoard's own definitions.</summary>
    [Fact]
    public void Events_OfAModel_AreThoseOfTensorBoardsOwnDefinitions()
    {
        using var folder = new TemporaryFolder();
        var spec = new RunSpec { RunId = "cnn-1", Task = "cnn", Output = folder.Path };
        using var driver = new Lockstep(LearnerTask.Of<Cnn>(), spec).Run(1);
        driver.Replica.WriteSamples(folder.Path, step: 0);
        var log = new TensorBoardLog(spec, from: 0, round: 1, TimeProvider.System);
        log.AddMetrics(1, driver.Metrics);
        log.AddSamples(1, folder.Path);
        log.AddHistograms(1, driver.Replica.State);
        log.Flush();

        var events = EventFiles.Records(File.ReadAllBytes(EventFiles.Of(folder.Path).Single())).Select(Event.Parser.ParseFrom).ToList();
        Assert.Equal("brain.Event:2", events[0].FileVersion);
        Assert.Equal((1, SessionLog.Types.SessionStatus.Start), (events[1].Step, events[1].SessionLog.Status));
        Assert.All(events, entry => Assert.Equal(DateTimeOffset.UtcNow.ToUnixTimeSeconds(), entry.WallTime, tolerance: 600));
        var values = events.Skip(2).SelectMany(entry => entry.Summary.Value).ToDictionary(value => value.Tag);
        Assert.All(driver.Metrics, metric => Assert.Equal((float)metric.Value, values[metric.Key].SimpleValue));
        foreach (var text in new[] { values["spec"], values["samples/text"] })
        {
            Assert.Equal(("text", DataType.DtString), (text.Metadata.PluginData.PluginName, text.Tensor.Dtype));
            Assert.Equal(1, Assert.Single(text.Tensor.TensorShape.Dim).Size);
        }
        Assert.Contains("The worst of", Assert.Single(values["samples/text"].Tensor.StringVal).ToStringUtf8());
        var (picture, png) = (values["samples/picture"].Image, Path.Combine(folder.Path, "step-00000001.png"));
        Assert.Equal(File.ReadAllBytes(png), picture.EncodedImageString);
        var drawn = Picture.Read(png).Shape;
        Assert.Equal((drawn.Height, drawn.Width), (picture.Height, picture.Width));
        Assert.Equal(Greys, picture.Colorspace);
        foreach (var tensor in driver.Replica.State.Tensors.Where(tensor => tensor.Kind == StateKind.Model))
        {
            var histogram = values[$"weights/{tensor.Name}"].Histo;
            Assert.Equal((tensor.Length, histogram.BucketLimit.Count), (histogram.Num, histogram.Bucket.Count));
            Assert.Equal(tensor.Values.ToArray().Sum(value => (double)value), histogram.Sum, tolerance: 1e-3);
            Assert.Equal(tensor.Length, histogram.Bucket.Sum());
            Assert.Equal(histogram.Max, histogram.BucketLimit[^1]);
        }
    }
}
