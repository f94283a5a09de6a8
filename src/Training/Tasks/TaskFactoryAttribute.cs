namespace Granary.Training.Tasks;

/// <summary>Marks a class that is no task itself, but from which one can be made.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public abstract class TaskFactoryAttribute : Attribute
{
    /// <param name="marked">The class that carries the attribute.</param>
    /// <exception cref="ArgumentException">The class is not of the kind that the attribute is for.</exception>
    public abstract ITrainingTask Create(Type marked);
}
