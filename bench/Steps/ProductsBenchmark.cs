using Granary.Bench.Measurement;
using Granary.Torch.Operations.Products;
using Granary.Torch.Runtime;
using static TorchSharp.torch;

namespace Granary.Bench.Steps;

/// <summary>Products of the sizes that the models have, by Granary and by libtorch, in turn.</summary>
internal sealed class ProductsBenchmark : IBenchmark
{
    private static readonly (string Name, int Rows, int Inner, int Columns, bool IsLeftTurned, bool IsRightTurned)[] products =
    [
        ("attention, logits", 64, 32, 64, false, true),
        ("attention, reading", 64, 64, 32, false, false),
        ("gru, a time", 64, 200, 600, false, true),
        ("gru, weights", 600, 832, 200, true, false),
        ("linear", 768, 128, 512, false, false),
        ("linear, inputs", 768, 512, 128, false, true),
        ("linear, weights", 128, 768, 512, true, false),
        ("linear", 1024, 1024, 1024, false, true),
        ("output", 832, 200, 2500, false, true),
        ("output, weights", 2500, 832, 200, true, false),
    ];

    public string Name => "products";

    public string Summary => "Products of the models' sizes, by Granary and by libtorch.";

    public IReadOnlyDictionary<string, string> Switches => TorchRuntime.Switches;

    public Task RunAsync(BenchmarkRun run)
    {
        _ = TorchRuntime.Switches;
        foreach (var (name, rows, inner, columns, isLeftTurned, isRightTurned) in products.Where(product => run.Wants(product.Name)))
        {
            using var scope = NewDisposeScope();
            var (left, right, into) = (isLeftTurned ? rand(inner, rows) : rand(rows, inner), isRightTurned ? rand(columns, inner) : rand(inner, columns), empty(rows, columns));
            var (leftView, rightView) = (isLeftTurned ? left.t() : left, isRightTurned ? right.t() : right);
            var (ours, theirs, result) = (isLeftTurned ? Matrix.Of(left).Transposed : Matrix.Of(left), isRightTurned ? Matrix.Of(right).Transposed : Matrix.Of(right), Matrix.Of(into));
            Measure("Granary", () => Torch.Operations.Products.MatrixProduct.Multiply(ours, theirs, result));
            Measure("libtorch", () => into.addmm_(leftView, rightView, beta: 0, alpha: 1));

            void Measure(string who, Action multiply)
            {
                var times = Repeat.Time(multiply, run.Seconds / 5, warmUps: run.IsTrial ? 0 : 3, least: 1, warmUpSeconds: run.IsTrial ? 0 : 0.5);
                run.Report.Add(Figure.Of($"{name} {rows}x{inner}x{columns} {who}", "GFLOP/s", times.Select(time => 2e-6 * rows * inner * columns / time)));
            }
        }
        return Task.CompletedTask;
    }
}
