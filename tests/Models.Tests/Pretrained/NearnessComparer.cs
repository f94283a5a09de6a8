namespace Granary.Models.Tests.Pretrained;

/// <summary>Numbers are equal if they differ by so much at most.</summary>
internal sealed class NearnessComparer(float tolerance) : IEqualityComparer<float>
{
    public bool Equals(float x, float y) => Math.Abs(x - y) <= tolerance;

    public int GetHashCode(float value) => 0;
}
