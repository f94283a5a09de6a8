using Granary.Bench.Measurement;
using Granary.Torch.Runtime;

namespace Granary.Bench.Steps;

/// <summary>Products of the sizes that the models have, by Granary and by libtorch, in turn.</summary>
internal sealed class ProductsBenchmark : IBenchmark
{
    private static readonly MatrixProduct[] products =
    [
        new("attention, logits", 64, 32, 64, "right"),
        new("attention, reading", 64, 64, 32),
        new("gru, a time", 64, 200, 600, "right"),
        new("gru, weights", 600, 832, 200, "left"),
        new("linear", 768, 128, 512),
        new("linear, inputs", 768, 512, 128, "right"),
        new("linear, weights", 128, 768, 512, "left"),
        new("linear", 1024, 1024, 1024, "right"),
        new("output", 832, 200, 2500, "right"),
        new("output, weights", 2500, 832, 200, "left"),
    ];

    public string Name => "products";

    public string Summary => "Products of the models' sizes, by Granary and by libtorch.";

    public IReadOnlyDictionary<string, string> Switches => TorchRuntime.Switches;

    public Task RunAsync(BenchmarkRun run)
    {
        _ = TorchRuntime.Switches;
        foreach (var product in products.Where(product => run.Wants(product.Name)))
        {
            product.Use((theirs, ours) =>
            {
                Measure("Granary", ours);
                Measure("libtorch", theirs);
            });

            void Measure(string who, Action multiply)
            {
                var times = Repeat.Time(multiply, run.Seconds / 5, warmUps: run.IsTrial ? 0 : 3, least: 1, warmUpSeconds: run.IsTrial ? 0 : 0.5);
                run.Report.Add(Figure.Of($"{product.Name} {product.Size} {who}", "GFLOP/s", times.Select(time => product.Operations / time / 1e6)));
            }
        }
        return Task.CompletedTask;
    }
}
