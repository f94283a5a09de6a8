using TorchSharp;

namespace Granary.Models.Tests.Torch;

public sealed class TorchRuntimeTests
{
    [Theory]
    [InlineData(16, 10, 1000)]
    [InlineData(1000, 16, 10)]
    [InlineData(16, 1000, 4)]
    [InlineData(4, 16, 1000)]
    [InlineData(16, 4, 1000)]
    public void Product_WhereverTheFactorsLieInMemory_HasTheSameBits(int rows, int inner, int columns)
    {
        using var scope = torch.NewDisposeScope();
        var left = torch.rand(rows, inner);
        var right = torch.rand(inner, columns);
        var transposed = right.t().contiguous();
        var leftTransposed = left.t().contiguous();
        for (var offset = 1; offset < 16; offset++)
        {
            Same(left.mm(right), At(left, offset).mm(At(right, 16 - offset)));
            Same(left.mm(transposed.t()), At(left, offset).mm(At(transposed, 16 - offset).t()));
            Same(leftTransposed.t().mm(right), At(leftTransposed, offset).t().mm(At(right, 16 - offset)));
            Same(torch.nn.functional.linear(left, transposed), torch.nn.functional.linear(At(left, offset), transposed));

            void Same(torch.Tensor expected, torch.Tensor actual) => Assert.True(expected.equal(actual).all().item<bool>(), $"{offset} floats off");
        }
    }

    private static torch.Tensor At(torch.Tensor values, int offset)
    {
        var place = torch.zeros(values.numel() + offset).narrow(0, offset, values.numel()).view(values.shape);
        return place.copy_(values);
    }
}
